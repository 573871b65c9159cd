import { describe, expect, it } from 'vitest'
import {
  answerAtOnce,
  answerOf,
  HOUR,
  MINUTE,
  newKey,
  SECOND,
  simulation,
  warm,
} from './simulation.ts'

const intervals = (times: readonly number[]) =>
  times.slice(1).map((time, index) => (time - (times[index] ?? 0)) / SECOND)

describe('a key that is fresh in memory', () => {
  it('is there at once, and asks neither the issuer nor the store', async () => {
    const { keys, issuer, store, clock } = await warm({ shared: true })
    await clock.pass(MINUTE)
    const before = [issuer.asked.length, store.calls]
    const answers = new Set(Array.from({ length: 1000 }, () => answerAtOnce(keys)))
    expect([answers, [issuer.asked.length, store.calls]]).toEqual([new Set(['found']), before])
  })

  it('is there at once while a refresh is under way', async () => {
    const { keys, issuer, clock } = await warm()
    issuer.delay = 4 * SECOND
    await clock.pass(MINUTE)
    void keys.refresh()
    await clock.pass(10)
    expect([answerAtOnce(keys), issuer.asked.length]).toEqual(['found', 2])
  })
})

describe('the background refresh', () => {
  it('comes once in each interval, in its last tenth', async () => {
    const { issuer, clock } = await warm()
    await clock.pass(4 * HOUR)
    const outside = intervals(issuer.asked).filter(seconds => seconds < 540 || seconds > 600)
    expect([outside, issuer.asked.length > 24]).toEqual([[], true])
  })

  it('is spread: twenty gateways without a store do not ask at the same moment', async () => {
    const { issuer, clock, start } = simulation()
    start(20)
    await clock.pass(10 * MINUTE)
    const second = issuer.asked.slice(20)
    expect(second).toHaveLength(20)
    expect(new Set(second).size).toBeGreaterThan(15)
    expect(Math.max(...second) - Math.min(...second)).toBeGreaterThan(10 * SECOND)
  })

  it('is tried again after 1 s, then twice as long each time, up to 60 s', async () => {
    const { issuer, clock, keys } = await warm()
    issuer.error = 'away'
    await clock.pass(20 * MINUTE)
    const pauses = intervals(issuer.asked.slice(1))
    expect(pauses.slice(0, 9)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60])
    expect(keys.status()).toMatchObject({ source: 'stale', lastError: 'away', kids: ['key-1'] })
  })

  it('goes back to its interval after a success', async () => {
    const { issuer, clock, keys } = await warm()
    issuer.error = 'away'
    await clock.pass(15 * MINUTE)
    issuer.error = undefined
    await clock.pass(MINUTE)
    const before = issuer.asked.length
    await clock.pass(7 * MINUTE)
    expect([issuer.asked.length, keys.status().source]).toEqual([before, 'issuer'])
  })

  it('says how old the key set is, and when the next refresh comes', async () => {
    const { keys, clock } = await warm()
    await clock.pass(4 * MINUTE)
    const { age, nextRefresh = 0 } = keys.status()
    expect(age).toBe(4 * MINUTE + SECOND)
    const left = nextRefresh - clock.now()
    expect(left >= 5 * MINUTE - SECOND - MINUTE && left <= 6 * MINUTE).toBe(true)
  })

  it('ends with the gateway', async () => {
    const { keys, clock, issuer, store } = await warm({ shared: true })
    keys.stop()
    await clock.pass(SECOND)
    const before = [issuer.asked.length, store.calls]
    await clock.pass(HOUR)
    expect([issuer.asked.length, store.calls]).toEqual(before)
  })
})

describe('a key that the issuer no longer publishes', () => {
  it('is accepted until the next refresh, and not after it', async () => {
    const { keys, issuer, clock } = await warm({ keys: [newKey('key-1'), newKey('key-2')] })
    issuer.keys = issuer.keys.slice(1)
    await clock.pass(8 * MINUTE)
    const before = answerAtOnce(keys)
    await clock.pass(2 * MINUTE)
    expect([before, await answerOf(keys), answerAtOnce(keys, 'key-2')]).toEqual([
      'found',
      'token_key_unknown',
      'found',
    ])
  })
})

/** Documents that are no key set, though the issuer answers. */
const UNUSABLE: [string, unknown[]][] = [
  ['no key', []],
  ['nothing but unusable keys', [{ kty: 'oct', k: 'AAAA', kid: 'key-1' }, null]],
  ['101 keys', Array.from({ length: 101 }, (_, index) => newKey(`key-${index}`))],
]

describe('the old keys stay when the issuer publishes', () => {
  it.each(UNUSABLE)('%s', async (_name, published) => {
    const { keys, issuer, clock } = await warm()
    issuer.keys = published as typeof issuer.keys
    await clock.pass(10 * MINUTE)
    expect([answerAtOnce(keys), keys.status().source]).toEqual(['found', 'stale'])
  })
})

it('100 keys are a key set', async () => {
  const published = Array.from({ length: 100 }, (_, index) => newKey(`key-${index}`))
  const { keys } = await warm({ keys: published })
  expect(keys.status().kids).toEqual(published.map(({ kid }) => kid))
})

describe('an issuer that is away for an hour', () => {
  it.each(['with Redis there', 'with Redis away as well'])('fails no request %s', async name => {
    const { keys, issuer, store, clock } = await warm({ shared: true })
    issuer.error = 'away'
    store.away = name.endsWith('as well')
    const answers = new Set<string>()
    for (let second = 0; second < 3600; second += 1) {
      await clock.pass(SECOND)
      answers.add(answerAtOnce(keys))
    }
    expect([answers, keys.status().source]).toEqual([new Set(['found']), 'stale'])
    issuer.error = undefined
    store.away = false
    await clock.pass(MINUTE)
    expect(keys.status()).toMatchObject({ source: 'issuer', lastError: undefined })
  })

  it('stale keys serve for staleFor, then nobody can tell, then it is back', async () => {
    const { keys, issuer, clock } = await warm({ times: { staleFor: HOUR } })
    issuer.error = 'away'
    await clock.pass(HOUR - 2 * SECOND)
    const last = answerAtOnce(keys)
    await clock.pass(2 * SECOND)
    const after = [answerAtOnce(keys), keys.status().source]
    issuer.error = undefined
    await clock.pass(MINUTE)
    expect([last, after, answerAtOnce(keys)]).toEqual([
      'found',
      ['keys_unavailable', undefined],
      'found',
    ])
  })
})

describe('requests that come before there is a key set', () => {
  it('wait together for one fetch', async () => {
    const { issuer, clock, start } = simulation()
    issuer.delay = 2 * SECOND
    const [keys] = start()
    const answers = Array.from({ length: 100 }, () => keys && answerOf(keys))
    await clock.pass(2 * SECOND)
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['found']))
    expect(issuer.asked).toEqual([0])
  })

  it('wait 3 s at most, each from its own beginning', async () => {
    const { issuer, clock, start } = simulation()
    issuer.delay = 5 * SECOND
    const [keys] = start()
    if (keys === undefined) throw new Error('no gateway')
    const ended: [number, string][] = []
    const ask = async (from: number) => {
      const answer = await answerOf(keys)
      ended.push([from, answer])
    }
    void ask(0)
    await clock.pass(2500)
    void ask(2.5)
    await clock.pass(499)
    const early = [...ended]
    await clock.pass(2)
    const three = [...ended]
    await clock.pass(2 * SECOND)
    expect([early, three, ended]).toEqual([
      [],
      [[0, 'keys_unavailable']],
      [
        [0, 'keys_unavailable'],
        [2.5, 'found'],
      ],
    ])
  })

  it('are told when to come again, while the next attempt is still to come', async () => {
    const { issuer, clock, start } = simulation()
    issuer.error = 'away'
    const [keys] = start()
    await clock.pass(3 * SECOND)
    expect(await keys?.find('key-1', 'ES256')).toEqual({
      denied: 'keys_unavailable',
      detail: 'The keys of the issuer cannot be fetched at the moment; try again',
      retryAfter: 4,
    })
  })
})
