import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePort, type Redis, startRedis, waitUntil } from '../support/redis.ts'
import { ISSUER, type OpenStore, openStore, type StoreOptions, untilUp } from './stores.ts'

const SECRET = 'a secret of the gateways'
const keySet = { fetchedAt: 1_767_600_000_000, document: { keys: [{ kty: 'RSA', kid: 'key-1' }] } }
const forged = { keys: [{ kty: 'RSA', kid: 'forged' }] }

let redis: Redis
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis?.close())
beforeEach(() => redis.cli('flushall'))

async function withStore<T>(options: StoreOptions, use: (store: OpenStore) => Promise<T>) {
  const store = openStore(redis.url, options)
  try {
    await untilUp(store)
    return await use(store)
  } finally {
    await store.close()
  }
}

/** What a gateway with the secret reads after somebody has laid hands on what another wrote. */
async function afterTampering(tamper: (name: string, text: string) => Promise<unknown>) {
  await withStore({ secret: SECRET }, store => store.write(keySet, 1000))
  const names = (await redis.cli('keys', 'test:*')).split('\n')
  const texts = await Promise.all(names.map(name => redis.cli('get', name)))
  const at = texts.findIndex(text => text.includes('key-1'))
  await tamper(names[at] ?? '', texts[at] ?? '')
  return withStore({ secret: SECRET }, async store => [await store.read(), store.ignored])
}

const set = (text: string) => (name: string) => redis.cli('set', name, text)
const change = (edit: (text: string) => string) => (name: string, text: string) =>
  redis.cli('set', name, edit(text))

const ignoredAs = (why: string) => [undefined, [`the stored value ${why}`]]
const NOT_JSON = ignoredAs('is not a JSON object')
const NO_TIME = ignoredAs('has no time')
const FORGED = ignoredAs('is not authenticated by redis.secret')

describe('a stored key set', () => {
  it('that nobody has changed is read', async () => {
    expect(await afterTampering(async () => {})).toEqual([keySet, []])
  })

  it.each<[string, Parameters<typeof afterTampering>[0], unknown]>([
    ['that is empty', set(''), NOT_JSON],
    ['that is a web page', set('<html>'), NOT_JSON],
    ['that is null', set('null'), NOT_JSON],
    ['that is a list', set('[]'), ignoredAs('belongs to another issuer')],
    ['that is cut', change(text => text.slice(0, -20)), NOT_JSON],
    ['that is binary', set('\u0001\u00ff{'), NOT_JSON],
    ['of 4 MiB of nothing', set('['.repeat(100_000)), NOT_JSON],
    [
      'of another issuer',
      change(text => text.replace(ISSUER, 'https://issuer.evil.example')),
      ignoredAs('belongs to another issuer'),
    ],
    [
      'without issuer',
      change(text => text.replace('"issuer"', '"other"')),
      ignoredAs('belongs to another issuer'),
    ],
    ['without time', change(text => text.replace(/"at":\d+/, '"at":"1"')), NO_TIME],
    ['with an endless time', change(text => text.replace(/"at":\d+/, '"at":1e999')), NO_TIME],
    ['with another time', change(text => text.replace(/"at":\d+/, '"at":1767600000001')), FORGED],
    ['with another key', change(text => text.replace('key-1', 'forged')), FORGED],
    ['without HMAC', change(text => text.replace(/,"mac":"[^"]*"/, '')), FORGED],
    ['with an empty HMAC', change(text => text.replace(/"mac":"[^"]*"/, '"mac":""')), FORGED],
    [
      'with an HMAC that is no text',
      change(text => text.replace(/"mac":"[^"]*"/, '"mac":[7]')),
      FORGED,
    ],
    [
      'with an HMAC of the same length that is no ASCII',
      change(text => text.replace(/"mac":"[^"]*"/, `"mac":"${'ø'.repeat(43)}"`)),
      FORGED,
    ],
  ])('%s is ignored, and says why', async (_name, tamper, seen) => {
    expect(await afterTampering(tamper)).toEqual(seen)
  })

  it.each(['lpush', 'sadd', 'hset'])('of the wrong type is ignored: %s', async command => {
    const seen = await afterTampering(async name => {
      await redis.cli('del', name)
      await redis.cli(command, name, 'a', ...(command === 'hset' ? ['b'] : []))
    })
    expect(seen).toEqual([
      undefined,
      ['the stored value has a type that the gateway does not store'],
    ])
  })

  it.each<[string, StoreOptions, StoreOptions, string | undefined]>([
    ['by the same secret', { secret: SECRET }, { secret: SECRET }, undefined],
    ['by another secret', { secret: 'another' }, { secret: SECRET }, 'not authenticated'],
    ['without secret', {}, { secret: SECRET }, 'not authenticated'],
    [
      'for another issuer',
      { secret: SECRET, issuer: 'https://b' },
      { secret: SECRET },
      'another issuer',
    ],
    ['with a secret, read without one', { secret: SECRET }, {}, undefined],
  ])('written %s', async (_name, writer, reader, why) => {
    await withStore(writer, store => store.write(keySet, 1000))
    const seen = await withStore(reader, async store => [await store.read(), store.ignored])
    const expected = why ? [undefined, [expect.stringContaining(why)]] : [keySet, []]
    expect(seen).toEqual(expected)
  })

  it('under another prefix is not seen', async () => {
    await withStore({ prefix: 'other:' }, store => store.write(keySet, 1000))
    expect(await withStore({}, store => store.read())).toBeUndefined()
  })

  it('is not taken from a list of distrusted keys, nor the reverse, though the HMAC is good', async () => {
    const seen = await withStore({ secret: SECRET }, async store => {
      await store.write(keySet, 1000)
      await store.changeDistrusted(kids => void kids.add('key-9'))
      const names = (await redis.cli('keys', 'test:*')).split('\n')
      const texts = await Promise.all(names.map(name => redis.cli('get', name)))
      const at = (part: string) => texts.findIndex(text => text.includes(part))
      const [one, other] = [at('key-1'), at('key-9')]
      await redis.cli('set', names[one] ?? '', texts[other] ?? '')
      await redis.cli('set', names[other] ?? '', texts[one] ?? '')
      return [await store.read(), await store.distrusted()]
    })
    expect(seen).toEqual([undefined, undefined])
  })

  it('carries the HMAC-SHA-256 of kind, issuer, time and document', async () => {
    await withStore({ secret: SECRET }, store => store.write(keySet, 1000))
    const { at, payload, mac } = JSON.parse(await redis.cli('get', 'test:keys:set'))
    const expected = createHmac('sha256', SECRET)
      .update(JSON.stringify(['keys', ISSUER, at, payload]))
      .digest('base64url')
    expect(mac).toBe(expected)
    expect(payload).not.toEqual(forged)
  })
})

/** How long something takes, in milliseconds, beside what it comes to. */
async function timed<T>(run: () => Promise<T>): Promise<[T, number]> {
  const before = performance.now()
  return [await run(), performance.now() - before]
}

/** What every method says when Redis is away: nothing is there, and everything is granted. */
async function everything(store: OpenStore) {
  return Promise.all([
    store.read(),
    store.write(keySet, 1000),
    store.lease(),
    store.release(0),
    store.claimCooldown(1000),
    store.stamp(),
    store.distrusted(),
    store.changeDistrusted(() => {}),
  ])
}
const ALONE = [undefined, undefined, true, undefined, true, undefined, undefined, undefined]

describe('a Redis in trouble', () => {
  it('that stops answering costs 250 ms a command, and is told once; it comes back by itself', async () => {
    const store = openStore(redis.url)
    await untilUp(store)
    redis.pause()
    const [first, firstTime] = await timed(() => everything(store))
    await everything(store)
    const up = store.up()
    redis.resume()
    await untilUp(store)
    await store.close()
    expect([first, up, store.states]).toEqual([ALONE, false, ['up', 'down: why', 'up']])
    // The longest, a write, gives up with its first command.
    console.info(`commands to a stopped Redis give up after ${Math.round(firstTime)} ms`)
    expect(firstTime).toBeLessThan(2000)
  })

  it('that is gone costs nothing, and is told once; it comes back by itself', async () => {
    const store = openStore(redis.url)
    await untilUp(store)
    await redis.stop()
    await waitUntil(async () => (await store.stamp()) === undefined, 'it is still there')
    const [answers] = await timed(() => everything(store))
    await redis.start()
    await untilUp(store)
    await store.close()
    expect([answers, store.states]).toEqual([ALONE, ['up', 'down: why', 'up']])
  })

  it('that was never there is told once, and holds nobody up', async () => {
    const store = openStore(`redis://127.0.0.1:${await freePort()}`)
    const [answers, time] = await timed(() => everything(store))
    const later: number[] = []
    for (let tries = 0; tries < 5; tries += 1) {
      const [again, took] = await timed(() => everything(store))
      expect(again).toEqual(ALONE)
      later.push(took)
    }
    await store.close()
    expect([answers, store.states]).toEqual([ALONE, ['down: why']])
    const least = Math.min(...later)
    console.info(
      `a Redis that is not there: ${Math.round(time)} ms at the start, ${Math.round(least)} ms later`,
    )
    // No command waits in a queue: that would cost the 250 ms that a command may take.
    expect(least).toBeLessThan(200)
    expect(time).toBeLessThan(3000)
  })

  it('that asks for another password reads as one that is away', async () => {
    const guarded = await startRedis({
      args: ['--requirepass', 'other'],
      login: ['--no-auth-warning', '-a', 'other'],
    })
    const store = openStore(`redis://:wrong@127.0.0.1:${guarded.port}`)
    const answers = await everything(store)
    await store.close()
    await guarded.close()
    expect([answers, store.states]).toEqual([ALONE, ['down: why']])
  })
})
