import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { parseRegister } from '../../../docker/local-stack/feide/register.ts'
import { startFeide } from '../../../docker/local-stack/feide.ts'
import { AUDIENCE, basic, PLANNER, post } from '../support.ts'
import { dataSourceExchange, demoFeide, GRADES_API, jwtFor, postAs, refusalOf } from './support.ts'

const { feide, clock } = demoFeide()

interface Rotated {
  readonly signing: string
  readonly published: readonly string[]
}

const rotate = async (query = '', at = feide): Promise<Rotated> => {
  const response = await fetch(`${at.url}/_local/rotate${query}`, { method: 'POST' })
  expect(response.status).toBe(200)
  return (await response.json()) as Rotated
}

const publishedBy = async (at = feide): Promise<readonly string[]> => {
  const response = await fetch(`${at.url}/openid/jwks`)
  const { keys } = (await response.json()) as { keys: { kid: string }[] }
  expect(JSON.stringify(keys)).not.toMatch(/"(d|p|q|dp|dq|qi)":/)
  return keys.map(({ kid }) => kid)
}

// A new set each time, so that nothing is remembered.
const verifies = async (token: string): Promise<boolean> => {
  const keys = createRemoteJWKSet(new URL(`${feide.url}/openid/jwks`))
  const options = { audience: AUDIENCE, currentDate: new Date(clock.now() * 1000) }
  return jwtVerify(token, keys, options).then(
    () => true,
    () => false,
  )
}

test('a rotation signs with a new key and goes on publishing the old one', async () => {
  const { signing: before } = await rotate('?drop=true')
  const old = await jwtFor(feide)
  const { signing, published } = await rotate()
  expect(published).toEqual([signing, before])
  expect(signing).not.toBe(before)
  expect(await publishedBy()).toEqual(published)
  const fresh = await jwtFor(feide)
  expect(decodeProtectedHeader(fresh).kid).toBe(signing)
  expect([await verifies(old), await verifies(fresh)]).toEqual([true, true])
})

test('the old key goes when the overlap is over', async () => {
  const [before = ''] = await publishedBy()
  const { signing } = await rotate()
  clock.skew = 500
  expect(await publishedBy()).toContain(before)
  clock.skew = 601
  expect(await publishedBy()).toEqual([signing])
})

test('with drop=true the old keys go at once, and what they signed with them', async () => {
  await rotate()
  const old = await jwtFor(feide)
  const { signing, published } = await rotate('?drop=true')
  expect(published).toEqual([signing])
  expect(await publishedBy()).toEqual([signing])
  expect(await verifies(old)).toBe(false)
  const exchange = dataSourceExchange(feide, old)
  expect((await postAs(feide, GRADES_API, exchange)).body).toEqual(refusalOf('invalid_request'))
})

test('drop=false is no drop, and anything else is nothing', async () => {
  expect((await rotate('?drop=false')).published.length).toBeGreaterThan(1)
  const before = await publishedBy()
  const { status, body } = await post(`${feide.url}/_local/rotate?drop=yes`, {})
  expect([status, body]).toEqual([400, refusalOf('invalid_request')])
  expect(await publishedBy()).toEqual(before)
})

test('many at once leave one key that signs, and publish each', async () => {
  await rotate('?drop=true')
  const answers = await Promise.all([rotate(), rotate(), rotate()])
  const published = await publishedBy()
  expect(new Set(published).size).toBe(4)
  expect(published).toEqual(expect.arrayContaining(answers.map(({ signing }) => signing)))
  expect(decodeProtectedHeader(await jwtFor(feide)).kid).toBe(published[0])
})

test('the overlap is what the file says', async () => {
  const register = parseRegister(`
    keys: { overlap: 1m }
    dataSources: {}
    clients: {}
    users: {}
  `)
  const other = await startFeide({ port: 0, register, now: clock.now })
  try {
    const { signing } = await rotate('', other)
    clock.skew = 30
    expect(await publishedBy(other)).toHaveLength(2)
    clock.skew = 61
    expect(await publishedBy(other)).toEqual([signing])
  } finally {
    await other.close()
  }
})

test.each([
  ['/_local/rotate', 'http://evil.example'],
  ['/_local/rotate', 'null'],
  ['/_local/login', 'https://evil.example'],
])('%s takes nothing from a page of %s', async (path, Origin) => {
  const before = await publishedBy()
  const headers = { Origin, Authorization: basic(PLANNER) }
  const body = new URLSearchParams({ user: 'bjorn' })
  const response = await fetch(`${feide.url}${path}`, { method: 'POST', headers, body })
  expect(response.status).toBe(403)
  expect(await publishedBy()).toEqual(before)
})

test('a rotation cannot be asked for with a link', async () => {
  const before = await publishedBy()
  expect((await fetch(`${feide.url}/_local/rotate`)).status).toBe(404)
  expect(await publishedBy()).toEqual(before)
})
