import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { request, sendOne } from '../support/raw.ts'
import { headerOf, startUpstream, type Upstream } from '../support/upstream.ts'

/**
 * What the old gatekeeper was seen to send, header by header: for users and systems, with and without
 * subscopes, for each kind of secondary id, also from several owners of one API.
 */

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const CLAIM = 'https://n.feide.no/claims/'
const CLIENT = '208335d4-e8c1-4910-8928-05b2e5b14127'
const USER = '76a7a061-3c55-430d-8ee0-6f82ec42501f'
const OWNERS = ['https://n.feide.no/datasources/one', 'https://n.feide.no/datasources/two']
const KINDS = { none: [], feide: ['feide'], nin: ['nin'], both: ['feide', 'nin'] } as const
const GATEKEEPER = ['gatekeeper', 'clientid', 'userid', 'userid-sec', 'scopes', 'token'] as const

let issuer: Issuer
let upstream: Upstream
let gateway: Gateway
beforeAll(async () => {
  issuer = await startIssuer()
  upstream = await startUpstream()
  const dataSources = Object.fromEntries(
    Object.entries({ ...KINDS, grades: ['feide'] }).map(([kind, useridSec]) => [
      kind,
      {
        audience: OWNERS,
        hosts: [kind],
        upstream: {
          url: upstream.url,
          credentials: { basic: { username: 'dataporten', password: 'hunter2' } },
        },
        headers: { useridSec, gatekeeper: 'grades', inject: { 'X-Owner': { claim: 'aud' } } },
        routes: { 'GET /me': 'authenticated' },
      },
    ]),
  )
  gateway = await startGateway(policy({ issuer, upstream, dataSources }))
})
afterAll(async () => {
  await gateway?.stop()
  await upstream?.close()
  await issuer?.close()
})
afterEach(() => upstream?.reset())

const told = async (host: string, claims: Record<string, unknown>) => {
  const token = issuer.token({
    aud: OWNERS[0],
    client_id: CLIENT,
    act: { sub: CLIENT },
    [`${CLAIM}eduPersonPrincipalName`]: 'kari@example.no',
    [`${CLAIM}nin`]: '01017012345',
    [`${CLAIM}userid_sec`]: ['feide:kari@example.no', 'p:abc'],
    ...claims,
  })
  const { status } = await sendOne(gateway.port, request({ target: '/me', host, token }))
  expect(status).toBe(200)
  const [seen = expect.fail('nothing came')] = upstream.requests
  const values = GATEKEEPER.map(name => [name, headerOf(seen, `X-Dataporten-${name}`)] as const)
  return {
    ...Object.fromEntries(values.filter(([, value]) => value.length > 0)),
    owner: headerOf(seen, 'X-Owner'),
    authorization: headerOf(seen, 'Authorization'),
  }
}

const SECONDARY = {
  none: undefined,
  feide: 'feide:kari@example.no',
  nin: 'nin:01017012345',
  both: 'feide:kari@example.no,nin:01017012345',
}
const SCOPES = [
  ['no scopes', '', undefined],
  ['one scope', 'read', 'read'],
  ['scopes in any order', 'write admin read', 'admin,read,write'],
] as const
const PRINCIPALS = [
  ['a user', USER],
  ['a system', CLIENT],
] as const

const MATRIX = PRINCIPALS.flatMap(([whom, sub]) =>
  SCOPES.flatMap(([which, scope, list]) =>
    Object.entries(SECONDARY).map(([kind, ids]) => ({ whom, sub, which, scope, list, kind, ids })),
  ),
)

describe('the headers of the old gatekeeper', () => {
  test.each(MATRIX)('$whom with $which, useridSec: $kind', async of => {
    const user = of.whom === 'a user'
    expect(await told(of.kind, { sub: of.sub, scope: of.scope })).toEqual({
      gatekeeper: ['grades'],
      clientid: [CLIENT],
      ...(user && { userid: [USER] }),
      ...(user && of.ids && { 'userid-sec': [of.ids] }),
      ...(of.list && { scopes: [of.list] }),
      owner: [OWNERS[0]],
      authorization: [`Basic ${Buffer.from('dataporten:hunter2').toString('base64')}`],
    })
  })
})

describe('one API of several owners', () => {
  test.each(OWNERS)('tells the API that the token is for %s', async aud => {
    expect((await told('feide', { aud })).owner).toEqual([aud])
  })
  test('takes no token of a third one', async () => {
    const token = issuer.token({ aud: 'https://n.feide.no/datasources/three' })
    const { status } = await sendOne(gateway.port, request({ target: '/me', host: 'feide', token }))
    expect({ status, seen: upstream.requests.length }).toEqual({ status: 401, seen: 0 })
  })
})
