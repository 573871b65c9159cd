import { describe, expect, it } from 'vitest'
import type { Keys } from '../../gateway/token/keys.ts'
import {
  answerAtOnce,
  answerOf,
  MINUTE,
  newKey,
  SECOND,
  type Simulation,
  simulation,
  warm,
} from './simulation.ts'

/** Lets a flood of tokens come in, each with a key id of its own, spread over the gateways. */
async function flood({ clock, gateways }: Simulation, count: number, from = 0) {
  const kids = Array.from({ length: count }, (_, index) => `unknown-${from + index}`)
  const one = (index: number) => gateways[index % gateways.length] as Keys
  const answers = kids.map((kid, index) => answerOf(one(index), kid))
  await clock.pass(SECOND)
  return new Set(await Promise.all(answers))
}

const UNKNOWN = new Set(['token_key_unknown'])

/** A fleet that shares a store, with its first key set known to all, and no cooldown running. */
async function fleet(count: number): Promise<Simulation> {
  const simulated = simulation({ shared: true })
  simulated.start(count)
  await simulated.clock.pass(8 * MINUTE)
  simulated.issuer.asked.length = 0
  return simulated
}

describe('a token with a key id that nobody knows', () => {
  it('makes a new key known that the issuer has begun to use', async () => {
    const { keys, issuer, clock } = await warm()
    await clock.pass(MINUTE)
    issuer.keys = [...issuer.keys, newKey('key-2')]
    const answer = answerOf(keys, 'key-2')
    await clock.pass(SECOND)
    expect([await answer, issuer.asked.length]).toEqual(['found', 2])
  })

  it('waits 3 s at most for an issuer that is slow', async () => {
    const { keys, issuer, clock } = await warm()
    await clock.pass(MINUTE)
    issuer.delay = 5 * SECOND
    let answer = 'none yet'
    void answerOf(keys, 'other').then(said => {
      answer = said
    })
    await clock.pass(2990)
    const before = answer
    await clock.pass(20)
    expect([before, answer]).toEqual(['none yet', 'token_key_unknown'])
  })

  it('can be told by nobody while the last attempt to fetch keys has failed', async () => {
    const { keys, issuer, clock } = await warm()
    await clock.pass(MINUTE)
    issuer.error = 'away'
    const answer = answerOf(keys, 'other')
    await clock.pass(10)
    expect([await answer, await answerOf(keys, 'another'), answerAtOnce(keys)]).toEqual([
      'keys_unavailable',
      'keys_unavailable',
      'found',
    ])
  })

  it('costs nothing where it is the key id of a key that was set aside', async () => {
    const published = [newKey('key-1'), { kty: 'oct', k: 'AAAA', kid: 'secret' }]
    const { keys, issuer, clock } = await warm({ keys: published })
    await clock.pass(MINUTE)
    expect([answerAtOnce(keys, 'secret'), issuer.asked.length]).toEqual(['token_key_unknown', 1])
  })
})

describe('a flood of unknown key ids', () => {
  it('costs one fetch per cooldown', async () => {
    const simulated = await warm()
    await simulated.clock.pass(MINUTE)
    simulated.issuer.asked.length = 0
    const answers = new Set<string>()
    for (let second = 0; second < 89; second += 1) {
      for (const answer of await flood(simulated, 20, 20 * second)) answers.add(answer)
    }
    expect([answers, simulated.issuer.asked.length]).toEqual([UNKNOWN, 3])
  })

  it('costs none within the cooldown after a fetch of any kind', async () => {
    const simulated = await warm()
    await simulated.clock.pass(28 * SECOND)
    expect([await flood(simulated, 100), simulated.issuer.asked.length]).toEqual([UNKNOWN, 1])
  })

  it('costs five gateways that share a store one fetch together', async () => {
    const simulated = await fleet(5)
    const answers = await flood(simulated, 1000)
    expect([answers, simulated.issuer.asked.length]).toEqual([UNKNOWN, 1])
  })

  it('costs one also when it goes from one gateway to the next', async () => {
    const simulated = await fleet(5)
    const answers = new Set<string>()
    for (const keys of simulated.gateways) {
      const answer = answerOf(keys, 'unknown')
      await simulated.clock.pass(4 * SECOND)
      answers.add(await answer)
    }
    expect([answers, simulated.issuer.asked.length]).toEqual([UNKNOWN, 1])
  })

  it('costs each of them one while the store is away', async () => {
    const simulated = await fleet(5)
    simulated.store.away = true
    const answers = await flood(simulated, 1000)
    expect([answers, simulated.issuer.asked.length]).toEqual([UNKNOWN, 5])
  })

  it('does not delay known keys', async () => {
    const simulated = await fleet(1)
    simulated.issuer.delay = 4 * SECOND
    const answers = flood(simulated, 100)
    expect(simulated.gateways.map(keys => answerAtOnce(keys))).toEqual(['found'])
    await simulated.clock.pass(4 * SECOND)
    expect(await answers).toEqual(UNKNOWN)
  })
})

describe('a key id that was looked for in vain', () => {
  it('is not looked for again for some seconds, not even in the store', async () => {
    const { keys, store, clock } = await warm({ shared: true })
    const first = answerOf(keys, 'other')
    await clock.pass(10)
    const before = store.calls
    const again = Array.from({ length: 100 }, () => answerAtOnce(keys, 'other'))
    expect([await first, new Set(again), store.calls]).toEqual([
      'token_key_unknown',
      UNKNOWN,
      before,
    ])
  })

  it('is looked for again after that, and found', async () => {
    const { keys, issuer, clock } = await warm({ times: { unknownKidCooldown: 10 * SECOND } })
    const first = answerOf(keys, 'key-2')
    await clock.pass(20 * SECOND)
    issuer.keys = [...issuer.keys, newKey('key-2')]
    const second = answerOf(keys, 'key-2')
    await clock.pass(10)
    expect([await first, await second]).toEqual(['token_key_unknown', 'found'])
  })

  it('is accepted as soon as a refresh brings it', async () => {
    const { keys, issuer, clock } = await warm()
    const first = answerOf(keys, 'key-2')
    await clock.pass(10)
    issuer.keys = [...issuer.keys, newKey('key-2')]
    void keys.refresh()
    await clock.pass(10)
    expect([await first, answerAtOnce(keys, 'key-2')]).toEqual(['token_key_unknown', 'found'])
  })
})

describe('a new key whose first tokens come to several gateways at once', () => {
  it('is found by all of them, by one fetch', async () => {
    const simulated = await fleet(3)
    const { issuer, clock, gateways } = simulated
    issuer.keys = [...issuer.keys, newKey('key-2')]
    issuer.delay = 500
    const answers = gateways.map(keys => answerOf(keys, 'key-2'))
    await clock.pass(2 * SECOND)
    expect([await Promise.all(answers), issuer.asked.length]).toEqual([
      ['found', 'found', 'found'],
      1,
    ])
  })
})
