import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { waitUntil } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import {
  type Answering,
  huge,
  type KeyServer,
  oneByteASecond,
  redirect,
  serving,
  startKeyServer,
  text,
} from './key-server.ts'
import { ask, startLoad, tally } from './load.ts'
import { isReady, metric, readiness, said, statusOf } from './look.ts'

let issuer: Issuer
let upstream: Upstream
let keyServer: KeyServer
let elsewhere: KeyServer
let gateway: Gateway
const served = serving(() => ({ keys: issuer.keys }))

beforeAll(async () => {
  ;[issuer, upstream] = await Promise.all([startIssuer(), startUpstream()])
  keyServer = await startKeyServer(served)
  elsewhere = await startKeyServer(served)
  const rules = { url: issuer.url, jwksUri: keyServer.url }
  gateway = await startGateway(policy({ issuer: rules, upstream }))
  await waitUntil(() => isReady(gateway), 'not ready')
})
afterAll(async () => {
  await gateway?.stop()
  await Promise.all([issuer, upstream, keyServer, elsewhere].map(part => part?.close()))
})

const failures = () => metric(gateway, 'key_fetches_total{outcome="failure"}')
const lastError = async () => (await statusOf(gateway)).keys.lastError

/** Has the gateway fetch its keys now. */
async function fetchAnew(fits: (error: string | null) => boolean) {
  gateway.signal('SIGHUP')
  await waitUntil(async () => fits(await lastError()), 'it did not come to a fetch')
}

beforeEach(async () => {
  keyServer.answer = served
  await fetchAnew(error => error === null)
})

describe('the old keys stay, and the failure is counted and told, when the issuer answers 200 with', () => {
  const weak = [{ kty: 'oct', kid: 'key-1', k: 'AAAA' }]

  it.each<[string, () => Answering, RegExp]>([
    ['a web page', () => text('<html>', 'text/html'), /the answer is not JSON$/],
    ['an empty object', () => text('{}'), /^the key set has no list of keys$/],
    ['an empty key set', () => text('{"keys":[]}'), /^the key set has no usable key$/],
    ['nothing but a secret', () => serving(() => ({ keys: weak })), /has no usable key$/],
    ['300 MB', () => huge(() => {}), /longer than 262144 bytes$/],
    ['one byte a second', () => oneByteASecond, /it took too long$/],
    ['a redirect to another host', () => redirect(elsewhere.url), /status 302$/],
  ])('%s', async (_name, answer, error) => {
    const before = await failures()
    keyServer.answer = answer()
    const load = startLoad(50, () => ask(gateway, issuer.token()))
    await fetchAnew(message => message !== null).finally(() => load.stop())
    const { keys } = await statusOf(gateway)
    expect({ ...keys, answers: Object.keys(tally(load.replies)) }).toMatchObject({
      answers: ['200'],
      source: 'stale',
      kids: ['key-1'],
      lastError: expect.stringMatching(error),
    })
    expect(await readiness(gateway)).toEqual({ status: 200 })
    expect(await failures()).toBeGreaterThan(before)
    expect(said(gateway, 'keys not fetched').at(-1)?.error).toMatch(error)
    expect(elsewhere.asked).toEqual([])
  })
})

it('an issuer that stays away is told of once, however often it is asked', async () => {
  const before = [said(gateway, 'keys not fetched').length, await failures()] as const
  keyServer.answer = text('away', 'text/plain', 503)
  await fetchAnew(error => error !== null)
  const often = async () => (await failures()) >= before[1] + 3
  await waitUntil(often, 'it is not asked again')
  keyServer.answer = served
  await waitUntil(async () => (await lastError()) === null, 'it does not come back')
  expect(said(gateway, 'keys not fetched').length).toBe(before[0] + 1)
  expect(said(gateway, 'keys fetched').at(-1)).toMatchObject({ from: 'issuer', kids: ['key-1'] })
})

it('the status says where the keys are from, how old they are, and when they are fetched again', async () => {
  const { keys, redis } = await statusOf(gateway)
  const next = Date.parse(String(keys.nextRefresh)) - Date.now()
  expect({ ...keys, redis }).toEqual({
    source: 'issuer',
    age: expect.any(Number),
    kids: ['key-1'],
    unusable: [],
    distrusted: [],
    nextRefresh: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    lastError: null,
    redis: null,
  })
  expect([keys.age !== null && keys.age < 20, next > 500_000 && next <= 600_000]).toEqual([
    true,
    true,
  ])
})

it('a key that was set aside is told, with its reason', async () => {
  const [own] = issuer.keys
  keyServer.answer = serving(() => ({ keys: [own, { ...own, kid: 'enc', use: 'enc' }] }))
  gateway.signal('SIGHUP')
  const unusable = [{ kid: 'enc', why: '`use` is not sig' }]
  const told = async () =>
    JSON.stringify((await statusOf(gateway)).keys).includes(JSON.stringify(unusable))
  await waitUntil(told, 'the status does not tell it')
})
