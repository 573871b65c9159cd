import { describe, expect, it } from 'vitest'
import type { Keys } from '../../gateway/token/keys.ts'
import {
  answerAtOnce,
  answerOf,
  HOUR,
  MINUTE,
  newKey,
  SECOND,
  type Simulation,
  simulation,
  warm,
} from './simulation.ts'

type Started = Simulation & { readonly keys: Keys }

/** One gateway beside a store that another has filled some time ago. */
async function besideStored(age: number, published = [newKey('key-1')]): Promise<Started> {
  const simulated = simulation({ shared: true, keys: published })
  const { store, clock, start } = simulated
  store.say({ keySet: { fetchedAt: clock.now() - age, document: { keys: published } } })
  const [keys] = start()
  if (keys === undefined) throw new Error('no gateway')
  await clock.pass(100)
  return { ...simulated, keys }
}

const sources = ({ gateways }: Simulation) => gateways.map(keys => keys.status().source)

describe('gateways that share a store', () => {
  it('ask the issuer once, though twenty of them begin at the same moment', async () => {
    const simulated = simulation({ shared: true })
    simulated.issuer.delay = 800
    const answers = simulated.start(20).map(keys => answerOf(keys))
    await simulated.clock.pass(SECOND)
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['found']))
    expect(simulated.issuer.asked).toEqual([0])
    expect(sources(simulated).sort()).toEqual(['issuer', ...Array(19).fill('redis')])
  })

  it('ask it once per refresh from then on', async () => {
    const simulated = simulation({ shared: true })
    simulated.start(5)
    await simulated.clock.pass(2 * MINUTE)
    simulated.issuer.asked.length = 0
    await simulated.clock.pass(HOUR)
    expect(simulated.issuer.asked.length).toBeLessThanOrEqual(7)
  })

  it('hear of a new key set within a second', async () => {
    const simulated = simulation({ shared: true })
    const { clock, issuer, start } = simulated
    const [first, ...others] = start(5)
    await clock.pass(2 * MINUTE)
    issuer.keys = [newKey('key-2')]
    void first?.refresh()
    await clock.pass(SECOND)
    const answers = others.map(keys => [answerAtOnce(keys, 'key-2'), keys.status().kids])
    expect(answers).toEqual(Array(4).fill(['found', ['key-2']]))
  })

  it('go on when the one that was to fetch has died', async () => {
    const simulated = simulation({ shared: true })
    const { clock, store, start } = simulated
    store.lease = { holder: 'a gateway that is gone', until: clock.now() + 6 * SECOND }
    start(3)
    await clock.pass(8 * SECOND)
    expect(simulated.gateways.map(keys => answerAtOnce(keys))).toEqual(Array(3).fill('found'))
  })

  it('go on when nobody ever gives the lease back', async () => {
    const simulated = simulation({ shared: true })
    simulated.store.lease = { holder: 'nobody', until: Number.POSITIVE_INFINITY }
    simulated.start(3)
    await simulated.clock.pass(8 * SECOND)
    expect(simulated.gateways.map(keys => answerAtOnce(keys))).toEqual(Array(3).fill('found'))
  })

  it('are all there soon after an issuer that was away when they started', async () => {
    const simulated = simulation({ shared: true })
    simulated.issuer.error = 'away'
    simulated.start(20)
    await simulated.clock.pass(30 * SECOND)
    simulated.issuer.error = undefined
    await simulated.clock.pass(20 * SECOND)
    const answers = new Set(simulated.gateways.map(keys => answerAtOnce(keys)))
    expect(answers).toEqual(new Set(['found']))
  })

  it('do not ask an issuer that fails one after the other', async () => {
    const simulated = simulation({ shared: true })
    simulated.issuer.error = 'away'
    simulated.start(20)
    await simulated.clock.pass(5 * SECOND)
    expect(simulated.issuer.asked.length).toBeLessThanOrEqual(6)
  })
})

describe('a key set that came from the store', () => {
  it('is used at once, without the issuer', async () => {
    const { keys, issuer } = await besideStored(5 * MINUTE)
    const { source, age, kids } = keys.status()
    expect({ answer: answerAtOnce(keys), asked: issuer.asked, source, age, kids }).toEqual({
      answer: 'found',
      asked: [],
      source: 'redis',
      age: 5 * MINUTE + 100,
      kids: ['key-1'],
    })
  })

  it('is confirmed with the issuer within a minute, but not at once', async () => {
    const { keys, issuer, clock } = await besideStored(MINUTE)
    await clock.pass(MINUTE)
    const [first = 0, ...more] = issuer.asked
    expect([more, keys.status().source]).toEqual([[], 'issuer'])
    expect(first).toBeGreaterThan(5 * SECOND)
  })

  it('is confirmed within a minute, however often others write to the store', async () => {
    const simulated = await besideStored(MINUTE)
    const { issuer, clock, store, keys } = simulated
    for (let writes = 0; writes < 7; writes += 1) {
      const document = store.keySet?.document
      store.say({ keySet: { fetchedAt: clock.now(), document } })
      await clock.pass(10 * SECOND)
    }
    expect([issuer.asked.length, keys.status().source]).toEqual([1, 'issuer'])
  })

  it('gives way to what the issuer says', async () => {
    const { keys, issuer, clock } = await besideStored(MINUTE, [newKey('forged')])
    issuer.keys = [newKey('key-1')]
    const before = answerAtOnce(keys, 'forged')
    await clock.pass(MINUTE)
    expect([before, answerAtOnce(keys), await answerOf(keys, 'forged')]).toEqual([
      'found',
      'found',
      'token_key_unknown',
    ])
  })

  it('serves on while the issuer is away', async () => {
    const { keys, issuer, clock } = await besideStored(MINUTE)
    issuer.error = 'away'
    await clock.pass(HOUR)
    expect([answerAtOnce(keys), keys.status().source]).toEqual(['found', 'stale'])
  })

  it('is not used when it is older than staleFor', async () => {
    const { keys, issuer } = await besideStored(25 * HOUR)
    expect([answerAtOnce(keys), issuer.asked, keys.status().source]).toEqual([
      'found',
      [0],
      'issuer',
    ])
  })

  it('is as old as now at least, whatever its time says', async () => {
    const { keys, issuer, clock } = await besideStored(-1000 * HOUR)
    issuer.error = 'away'
    await clock.pass(24 * HOUR)
    expect([answerAtOnce(keys), keys.status().source]).toEqual(['keys_unavailable', undefined])
  })

  it('does not keep the issuer from being asked, whatever its time says', async () => {
    const { keys, store, issuer, clock } = await warm({ shared: true })
    await clock.pass(2 * MINUTE)
    store.say({ keySet: { fetchedAt: clock.now() + HOUR, document: { keys: issuer.keys } } })
    await clock.pass(2 * MINUTE)
    issuer.keys = [...issuer.keys, newKey('key-2')]
    issuer.asked.length = 0
    const answer = answerOf(keys, 'key-2')
    await clock.pass(SECOND)
    const found = await answer
    await clock.pass(30 * MINUTE)
    expect([found, issuer.asked.length > 2]).toEqual(['found', true])
  })

  it.each<[string, unknown]>([
    ['without keys', { keys: [] }],
    ['with more than 100 keys', { keys: Array(101).fill(newKey('key-1')) }],
    ['that is null', null],
  ])('is not used when it is a document %s', async (_name, document) => {
    const simulated = simulation({ shared: true })
    const { store, clock, start, issuer } = simulated
    store.say({ keySet: { fetchedAt: clock.now() - MINUTE, document } })
    const [keys] = start()
    await clock.pass(100)
    expect([keys?.status().source, issuer.asked]).toEqual(['issuer', [0]])
  })
})

describe('a key set that other processes of the same gateway have stored', () => {
  const workers = (count: number): Simulation => {
    const simulated = simulation({ shared: true })
    simulated.store.vouches = 'issuer'
    simulated.start(count)
    return simulated
  }

  it('is the word of the issuer: nobody confirms it', async () => {
    const simulated = workers(4)
    await simulated.clock.pass(5 * MINUTE)
    expect([sources(simulated), simulated.issuer.asked]).toEqual([Array(4).fill('issuer'), [0]])
  })

  it('is refreshed by one for all', async () => {
    const simulated = workers(4)
    await simulated.clock.pass(HOUR - MINUTE)
    expect([6, 7]).toContain(simulated.issuer.asked.length)
  })

  it('serves a process that begins while the issuer is away', async () => {
    const simulated = workers(4)
    await simulated.clock.pass(SECOND)
    simulated.issuer.error = 'away'
    const [replacement] = simulated.start()
    await simulated.clock.pass(SECOND)
    expect(replacement && [answerAtOnce(replacement), replacement.status().source]).toEqual([
      'found',
      'issuer',
    ])
  })
})

describe('a key that an operator distrusts', () => {
  const distrusted = new Set(['key-1'])
  const both = () => [newKey('key-1'), newKey('key-2')]

  it('is refused within a second by all gateways, other keys are not', async () => {
    const simulated = simulation({ shared: true, keys: both() })
    simulated.start(5)
    await simulated.clock.pass(SECOND)
    simulated.store.say({ distrusted })
    await simulated.clock.pass(SECOND)
    const answers = simulated.gateways.map(keys =>
      ['key-1', 'key-2', undefined].map(kid => answerAtOnce(keys, kid)),
    )
    expect(answers).toEqual(Array(5).fill(['token_key_unknown', 'found', 'token_key_unknown']))
  })

  it('is refused also to a token that names no key', async () => {
    const { keys, store, clock } = await warm({ shared: true })
    const find = () => keys.find(undefined, 'ES256')
    const before = find()
    store.say({ distrusted })
    await clock.pass(SECOND)
    expect([before, find()]).toEqual([
      expect.objectContaining({ type: 'public' }),
      expect.objectContaining({ denied: 'token_key_unknown' }),
    ])
  })

  it('stays refused across refreshes and outages, until it is trusted again', async () => {
    const { keys, store, issuer, clock } = await warm({ shared: true, keys: both() })
    store.say({ distrusted })
    await clock.pass(HOUR)
    const refreshed = [answerAtOnce(keys), issuer.asked.length > 5]
    store.away = true
    await clock.pass(HOUR)
    const away = answerAtOnce(keys)
    store.away = false
    store.say({ distrusted: new Set() })
    await clock.pass(SECOND)
    expect([refreshed, away, answerAtOnce(keys)]).toEqual([
      ['token_key_unknown', true],
      'token_key_unknown',
      'found',
    ])
  })

  it('is known for bad also while nobody can tell about other keys', async () => {
    const { keys, store, issuer, clock } = await warm({ shared: true, keys: both() })
    store.say({ distrusted })
    issuer.error = 'away'
    await clock.pass(HOUR)
    expect(answerAtOnce(keys)).toBe('token_key_unknown')
  })

  it('is refused from the start by a gateway that comes later', async () => {
    const { start, store, clock } = await warm({ shared: true, keys: both() })
    store.say({ distrusted })
    const [later] = start()
    await clock.pass(100)
    expect(later && answerAtOnce(later)).toBe('token_key_unknown')
  })

  it('is listed in the status', async () => {
    const { keys, store, clock } = await warm({ shared: true, keys: both() })
    store.say({ distrusted })
    await clock.pass(SECOND)
    const { kids, distrusted: listed } = keys.status()
    expect({ kids, listed }).toEqual({ kids: ['key-1', 'key-2'], listed: ['key-1'] })
  })
})

describe('a word in the store that could not be read at first', () => {
  it('is heard all the same: a distrusted key', async () => {
    const { keys, store, clock } = await warm({ shared: true })
    store.failNext = 'distrusted'
    store.say({ distrusted: new Set(['key-1']) })
    await clock.pass(2 * SECOND)
    expect(answerAtOnce(keys)).toBe('token_key_unknown')
  })

  it('is heard all the same: a new key set', async () => {
    const { keys, store, clock } = await warm({ shared: true })
    store.failNext = 'read'
    const document = { keys: [newKey('key-2')] }
    store.say({ keySet: { fetchedAt: clock.now(), document } })
    await clock.pass(2 * SECOND)
    expect(answerAtOnce(keys, 'key-2')).toBe('found')
  })
})
