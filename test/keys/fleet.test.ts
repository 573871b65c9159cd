import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../gateway/edge/clock.ts'
import { createKeys } from '../../gateway/token/keys.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { type Redis, startRedis, waitUntil } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { type KeyServer, serving, startKeyServer } from './key-server.ts'
import { ask, figures, tally } from './load.ts'
import { isReady, statusOf } from './look.ts'
import { answerOf, DEFAULTS, newKey } from './simulation.ts'
import { openStore } from './stores.ts'

let redis: Redis
let issuer: Issuer
let upstream: Upstream
let keyServer: KeyServer
let fleet: Gateway[] = []

const SIZE = 20
const COOLDOWN = 6_000
const served = serving(() => ({ keys: issuer.keys }))

beforeAll(async () => {
  ;[redis, issuer, upstream] = await Promise.all([startRedis(), startIssuer(), startUpstream()])
  keyServer = await startKeyServer(served)
})
afterAll(async () => {
  await Promise.all(fleet.map(gateway => gateway.stop()))
  await Promise.all([redis, issuer, upstream, keyServer].map(part => part?.close()))
}, 60_000)

const rules = (prefix: string) => {
  // Keys are kept over a reload where they come from the same place.
  const issuerRules = { url: issuer.url, jwksUri: `${keyServer.url}/${prefix.slice(0, -1)}` }
  return policy({
    issuer: issuerRules,
    upstream,
    redis: { url: redis.url, prefix },
    keys: { unknownKidCooldown: `${COOLDOWN}ms` },
  })
}

/** Whether Redis was away for a gateway after the last line with this message. */
const awaySince = ({ logs }: Gateway, message: string): boolean =>
  logs
    .slice(logs.findLastIndex(({ msg }) => msg === message))
    .some(({ msg }) => msg === 'redis is away')

/** Starts them a few at a time, so that a small machine can. */
async function startFleet(size: number): Promise<Gateway[]> {
  const started: Gateway[] = []
  let left = size
  const next = async () => {
    while (left > 0) {
      left -= 1
      started.push(await startGateway(rules('first:')))
    }
  }
  await Promise.all(Array.from({ length: 4 }, next))
  return started
}

describe(`${SIZE} gateways in one process each`, () => {
  it('cold, asked at once, fetch the key set once between them', { timeout: 90_000 }, async () => {
    fleet = await startFleet(SIZE)
    // Another place in Redis makes all of them cold at the same moment, however slowly they started.
    keyServer.asked.length = 0
    keyServer.answer = (response, request) => void setTimeout(() => served(response, request), 1000)
    for (const gateway of fleet) {
      gateway.writePolicy(rules('second:'))
      gateway.signal('SIGHUP')
    }
    const first = async (gateway: Gateway) => {
      await gateway.waitForLog(({ msg }) => msg === 'policy reloaded')
      return ask(gateway, issuer.token())
    }
    const replies = await Promise.all(fleet.map(first))
    const waited = replies.filter(({ ms }) => ms > 100).length
    console.info(
      `${SIZE} cold gateways: ${keyServer.asked.length} fetches; ${waited} requests waited; ${figures(replies)}`,
    )
    expect(tally(replies)).toEqual({ 200: SIZE })
    // On a machine that is short of time some may get no answer from Redis; each of those goes alone.
    const alone = fleet.map(gateway => awaySince(gateway, 'policy reloaded')).filter(Boolean).length
    if (alone > 0) console.info(`redis did not answer ${alone} gateways in time`)
    expect(keyServer.asked.length).toBeLessThanOrEqual(2 + alone)
    expect(waited).toBeGreaterThan(0)
  })

  it('1,000 tokens with 1,000 unknown kids cost 1 fetch in a cooldown', async () => {
    keyServer.answer = served
    const five = fleet.slice(0, 5)
    expect(five.length).toBe(5)
    const tokens = Array.from({ length: 1000 }, (_, index) =>
      issuer.token({}, { header: { kid: `unknown-${index}` } }),
    )
    const statuses = () => Promise.all(five.map(statusOf))
    const known = async () => (await statuses()).every(({ keys }) => keys.kids.length === 1)
    await waitUntil(known, 'not all of them have keys')
    const quiet = async () => (await redis.cli('exists', 'second:keys:cooldown')) === '0'
    await waitUntil(quiet, 'the cooldown does not end', 3 * COOLDOWN)
    const all = await Promise.all(fleet.map(statusOf))
    const due = all.map(({ keys }) => Date.parse(keys.nextRefresh ?? ''))
    keyServer.asked.length = 0
    const began = performance.now()
    const replies = await Promise.all(
      tokens.map((token, index) => ask(five[index % five.length] as Gateway, token)),
    )
    const took = performance.now() - began
    console.info(
      `1,000 unknown kids: ${keyServer.asked.length} fetches in ${Math.round(took)} ms; ${figures(replies)}`,
    )
    expect(tally(replies)).toEqual({ token_key_unknown: 1000 })
    // On a slow machine a key set that came from Redis may be confirmed meanwhile, which is a fetch too.
    const confirmed = due.filter(at => at <= Date.now()).length
    expect(keyServer.asked.length).toBeLessThanOrEqual(1 + Math.floor(took / COOLDOWN) + confirmed)
    expect(keyServer.asked.length + confirmed).toBeGreaterThan(0)
  })
})

describe(`${SIZE} gateways at the same instant, over connections of their own`, () => {
  it.each([0, 5, 50, 500])('fetch once, or twice, when a fetch takes %i ms', async delay => {
    await redis.cli('flushall')
    const keys = [newKey('key-1')]
    let asked = 0
    const fetchKeySet = async () => {
      asked += 1
      await new Promise(resolve => setTimeout(resolve, delay))
      return { keys }
    }
    const stores = Array.from({ length: SIZE }, () => openStore(redis.url))
    await waitUntil(async () => {
      await Promise.all(stores.map(store => store.stamp()))
      return stores.every(store => store.up())
    }, 'redis is not up')
    const gateways = stores.map(store =>
      createKeys({ fetchKeySet, store, clock: systemClock }, DEFAULTS),
    )
    const answers = gateways.map(one => {
      void one.refresh()
      return answerOf(one)
    })
    const seen = new Set(await Promise.all(answers))
    for (const one of gateways) one.stop()
    await Promise.all(stores.map(store => store.close()))
    expect(seen).toEqual(new Set(['found']))
    console.info(`${SIZE} at the same instant, ${delay} ms a fetch: ${asked} fetches`)
    expect(asked).toBeLessThanOrEqual(2)
  })
})

it('every gateway of the fleet says that Redis is there', async () => {
  const statuses = await Promise.all(fleet.map(statusOf))
  expect(statuses.map(({ redis: said }) => said)).toEqual(fleet.map(() => ({ up: true })))
  expect(await Promise.all(fleet.map(isReady))).toEqual(fleet.map(() => true))
})
