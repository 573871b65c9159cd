import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Running } from '../../../docker/local-stack/listen.ts'
import { BJORN } from '../support.ts'
import { get, KARI, loggedIn, refusalOf, startDemo } from './support.ts'

let feide: Running
let url: string
beforeAll(async () => {
  feide = await startDemo()
  url = `${feide.url}/openid/userinfo`
})
afterAll(() => feide.close())

const CLAIM = 'https://n.feide.no/claims/'
const secondary = (...ids: string[]) => ({
  [`${CLAIM}userid_sec`]: ids,
  'dataporten-userid_sec': ids,
  'connect-userid_sec': ids,
})
const NAMED = {
  name: 'Bjørn Grønås',
  picture: 'https://api.dataporten.no/userinfo/v1/user/media/p:bjorn',
}

describe('userinfo tells', () => {
  test.each([
    ['openid', {}],
    ['openid profile', NAMED],
    ['openid email', { email: 'bjorn.gronas@example.no', email_verified: false }],
    [
      'openid userid-feide',
      {
        [`${CLAIM}eduPersonPrincipalName`]: 'bjorn@example.no',
        ...secondary('feide:bjorn@example.no'),
      },
    ],
    ['openid userid-nin', { [`${CLAIM}nin`]: '99999999999', ...secondary('nin:99999999999') }],
    [
      'openid userid-feide userid-nin profile',
      {
        ...NAMED,
        [`${CLAIM}eduPersonPrincipalName`]: 'bjorn@example.no',
        [`${CLAIM}nin`]: '99999999999',
        ...secondary('feide:bjorn@example.no', 'nin:99999999999'),
      },
    ],
  ])('with the scopes %s no more than these', async (scope, claims) => {
    const { status, body } = await get(url, await loggedIn(feide, scope))
    expect([status, body]).toEqual([200, { sub: BJORN, ...claims }])
  })

  test('nothing that the user does not have', async () => {
    const token = await loggedIn(feide, 'openid profile email userid-nin', 'kari')
    expect((await get(url, token)).body).toEqual({ sub: KARI, name: 'Kari Nordmann' })
  })

  test('the same to a POST, and lets nobody keep it', async () => {
    const headers = { Authorization: `Bearer ${await loggedIn(feide, 'openid')}` }
    const response = await fetch(url, { method: 'POST', headers })
    expect(await response.json()).toEqual({ sub: BJORN })
    expect(response.headers.get('cache-control')).toBe('no-store')
  })
})

describe('userinfo refuses', () => {
  test('no token with a challenge that names no error', async () => {
    const { status, challenge } = await get(url)
    expect([status, challenge]).toEqual([401, 'Bearer realm="Feide"'])
  })

  test.each(['Basic YTpi', 'Bearer', 'bearer'])('%j like no token', async Authorization => {
    const response = await fetch(url, { headers: { Authorization } })
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="Feide"')
    expect(response.status).toBe(401)
  })

  test.each(['d1d5d2f0', 'a b', '"><script>'])('the bad token %j as invalid_token', async token => {
    expect(await get(url, token)).toEqual({
      status: 401,
      challenge: 'Bearer realm="Feide", error="invalid_token"',
      body: refusalOf('invalid_token'),
    })
  })

  test('a token without openid as insufficient_scope', async () => {
    expect(await get(url, await loggedIn(feide, 'profile'))).toEqual({
      status: 403,
      challenge: 'Bearer realm="Feide", error="insufficient_scope", scope="openid"',
      body: refusalOf('insufficient_scope'),
    })
  })

  test('a token in the address, where logs would keep it', async () => {
    const token = await loggedIn(feide, 'openid')
    expect((await get(`${url}?access_token=${token}`)).status).toBe(401)
  })
})
