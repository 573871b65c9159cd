import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { type Redis, startRedis, waitUntil } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { ask, figures, startLoad, tally } from './load.ts'
import { isReady } from './look.ts'

const REFRESH = 2000

let redis: Redis
let issuer: Issuer
let upstream: Upstream
let gateways: Gateway[] = []

beforeAll(async () => {
  ;[redis, issuer, upstream] = await Promise.all([startRedis(), startIssuer(), startUpstream()])
  const text = policy({
    issuer,
    upstream,
    log: { level: 'warn' },
    redis: { url: redis.url },
    keys: { refresh: `${REFRESH}ms`, unknownKidCooldown: '100ms' },
  })
  gateways = await Promise.all([startGateway(text), startGateway(text)])
  const ready = async () => (await Promise.all(gateways.map(isReady))).every(Boolean)
  await waitUntil(ready, 'the gateways are not ready')
})
afterAll(async () => {
  await Promise.all(gateways.map(gateway => gateway.stop()))
  await Promise.all([redis, issuer, upstream].map(part => part?.close()))
})

it('the issuer’s key is rotated under load: no request fails, then the old key is refused', async () => {
  const tokens = [issuer.token()]
  const load = startLoad(200, index =>
    ask(gateways[index % 2] as Gateway, tokens[Math.floor(index / 2) % tokens.length] ?? ''),
  )
  // Some time after a refresh: neither is the cooldown running, nor is the next one due.
  const fetches = issuer.fetches
  await waitUntil(() => issuer.fetches > fetches, 'the keys are not refreshed')
  await sleep(700)
  issuer.rotate('key-2')
  const [old = ''] = tokens
  tokens.push(issuer.token())
  await sleep(2 * REFRESH)
  tokens.shift()
  await sleep(200)
  issuer.keys = issuer.keys.filter(({ kid }) => kid === 'key-2')
  const before = performance.now()
  const refused = async () => {
    const replies = await Promise.all(gateways.map(gateway => ask(gateway, old)))
    return replies.every(({ said }) => said === 'token_key_unknown')
  }
  await waitUntil(refused, 'the old key is still accepted')
  const took = performance.now() - before
  const replies = await load.stop()
  console.info(
    `rotation: ${replies.length} requests, ${figures(replies)}; ` +
      `the old key is refused after ${Math.round(took)} ms, with a refresh each ${REFRESH} ms`,
  )
  expect(tally(replies)).toEqual({ 200: replies.length })
  expect(took).toBeLessThan(REFRESH + 1500)
  expect((await ask(gateways[0] as Gateway, issuer.token())).said).toBe('200')
})
