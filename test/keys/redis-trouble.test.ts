import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, rsaKey, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { type Redis, startRedis, waitUntil } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { ask, figures, quantile, startLoad, tally } from './load.ts'
import { isReady, metric, readiness, said, statusOf, stored } from './look.ts'

/** One gateway with Redis and an issuer; what becomes of requests while Redis is in trouble. */
let redis: Redis
let issuer: Issuer
let upstream: Upstream
let gateway: Gateway

const rules = (more: object = {}) =>
  policy({
    issuer,
    upstream,
    redis: { url: redis.url, secret: 'a secret of the gateways' },
    ...more,
  })

async function startReady(text: string): Promise<Gateway> {
  const started = await startGateway(text)
  await waitUntil(
    () => isReady(started),
    () => `not ready:\n${started.logText}`,
  )
  return started
}

beforeAll(async () => {
  ;[redis, issuer, upstream] = await Promise.all([startRedis(), startIssuer(), startUpstream()])
  gateway = await startReady(rules())
})
afterAll(async () => {
  await gateway?.stop()
  await Promise.all([redis?.close(), issuer?.close(), upstream?.close()])
})

const up = async () => (await statusOf(gateway)).redis?.up === true
const changes = () => said(gateway, 'redis is there', 'redis is away').map(({ msg }) => msg)

/** Runs under 100 requests a second; the answers that came meanwhile. */
async function underLoad(during: () => Promise<void>) {
  const load = startLoad(100, () => ask(gateway, issuer.token()))
  try {
    await during()
  } finally {
    await load.stop()
  }
  return load.replies
}

describe('Redis in trouble fails no request, and is told once', () => {
  it('stopped, then back, and empty', async () => {
    await waitUntil(up, 'redis is not up')
    const before = changes().length
    const replies = await underLoad(async () => {
      await redis.stop()
      await waitUntil(async () => !(await up()), 'nobody noticed that redis is away')
      expect(await metric(gateway, 'redis_up')).toBe(0)
      await sleep(1000)
      await redis.start()
      await waitUntil(up, 'nobody noticed that redis is back')
    })
    expect(Object.keys(tally(replies))).toEqual(['200'])
    await expect.poll(() => changes().slice(before)).toEqual(['redis is away', 'redis is there'])
    expect([await metric(gateway, 'redis_up'), await readiness(gateway)]).toEqual([
      1,
      { status: 200 },
    ])
  })

  it('stalled: requests take as long as they did', async () => {
    await waitUntil(up, 'redis is not up')
    const before = changes().length
    const healthy = await underLoad(() => sleep(2000))
    redis.pause()
    const stalled = await underLoad(async () => {
      await waitUntil(async () => !(await up()), 'nobody noticed that redis is stalled')
      await sleep(2000)
    }).finally(() => redis.resume())
    await waitUntil(up, 'nobody noticed that redis is back')
    console.info(`with redis: ${figures(healthy)}; with redis stalled: ${figures(stalled)}`)
    expect([...new Set([...healthy, ...stalled].map(reply => reply.said))]).toEqual(['200'])
    await expect.poll(() => changes().slice(before)).toEqual(['redis is away', 'redis is there'])
    // No more than a sign of life on a busy machine: a request that waited would take 250 ms.
    expect(quantile(stalled, 0.5)).toBeLessThan(200)
  })

  it('full of values that nobody can read', async () => {
    await waitUntil(up, 'redis is not up')
    const ignored = await metric(gateway, 'stored_values_ignored_total')
    const lines = said(gateway, 'a value in redis is ignored').length
    const replies = await underLoad(async () => {
      gateway.signal('SIGHUP')
      await waitUntil(async () => (await stored(redis)).length > 1, 'nothing is stored')
      for (const [name] of await stored(redis)) {
        await redis.cli('del', name)
        await redis.cli('lpush', name, 'garbage')
      }
      const counted = async () => (await metric(gateway, 'stored_values_ignored_total')) > ignored
      await waitUntil(counted, 'nobody noticed the garbage')
      await sleep(2000)
    })
    expect(Object.keys(tally(replies))).toEqual(['200'])
    expect(
      said(gateway, 'a value in redis is ignored')
        .slice(lines)
        .map(({ why }) => why),
    ).toEqual(['the stored value has a type that the gateway does not store'])
    expect(await readiness(gateway)).toEqual({ status: 200 })
    await redis.cli('flushall')
  })
})

/** Takes the place of every text in Redis that mentions the issuer's key. */
async function replaceStored(edit: (text: string) => string) {
  for (const [name, text] of await stored(redis)) {
    if (text.includes('key-1')) await redis.cli('set', name, edit(text))
  }
}

/** What the gateway stores when it is told to fetch anew. */
async function storeAnew() {
  await redis.cli('flushall')
  gateway.signal('SIGHUP')
  const there = async () => (await stored(redis)).some(([, text]) => text.includes('key-1'))
  await waitUntil(there, 'nothing is stored')
  await waitUntil(async () => (await statusOf(gateway)).keys.source === 'issuer', 'no key set')
}

/** Runs a second gateway, which starts while the issuer is away. */
async function withoutIssuer<T>(use: (second: Gateway) => Promise<T>): Promise<T> {
  issuer.fail = 'down'
  const second = await startGateway(rules())
  try {
    return await use(second)
  } finally {
    issuer.fail = undefined
    await second.stop()
  }
}

describe('a gateway that starts while the issuer is away', () => {
  it('is ready with the key set that another has stored', async () => {
    await storeAnew()
    await withoutIssuer(async second => {
      await waitUntil(
        () => isReady(second),
        () => `not ready:\n${second.logText}`,
      )
      const { keys } = await statusOf(second)
      expect({ ...keys, answer: (await ask(second, issuer.token())).said }).toMatchObject({
        answer: '200',
        source: 'redis',
        kids: ['key-1'],
        lastError: null,
      })
    })
  })

  it('does not use a key set that an attacker has written', async () => {
    const evil = rsaKey('key-1')
    const [own] = issuer.keys
    await storeAnew()
    const token = issuer.token({}, { key: evil.privateKey })
    await replaceStored(text => text.replace(String(own?.n), String(evil.jwk.n)))
    await withoutIssuer(async second => {
      await second.waitForLog(({ msg }) => msg === 'keys not fetched')
      expect([await readiness(second), (await ask(second, token)).said]).toEqual([
        { status: 503, reason: expect.stringMatching(/^the keys of the issuer are not known: /) },
        'keys_unavailable',
      ])
      expect(said(second, 'a value in redis is ignored').map(({ why }) => why)).toEqual([
        'the stored value is not authenticated by redis.secret',
      ])
      expect(await metric(second, 'stored_values_ignored_total')).toBeGreaterThan(0)
    })
    const running = [await ask(gateway, token), await ask(gateway, issuer.token())]
    expect(running.map(reply => reply.said)).toEqual(['token_signature', '200'])
  })
})

describe('a gateway that starts cold', () => {
  it('fetches its keys though everything in Redis is garbage that never goes away', async () => {
    await storeAnew()
    for (const name of ['set', 'lease', 'cooldown', 'changed', 'distrusted']) {
      await redis.cli('set', `feide-gateway:keys:${name}`, 'garbage')
    }
    const second = await startGateway(rules())
    try {
      await waitUntil(
        () => isReady(second),
        () => `not ready:\n${second.logText}`,
        9000,
      )
    } finally {
      await second.stop()
      await redis.cli('flushall')
    }
  })
})
