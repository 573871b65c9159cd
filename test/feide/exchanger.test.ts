import { describe, expect, test } from 'vitest'
import { FeideError } from '../../gateway/feide/errors.ts'
import {
  createExchangeMemory,
  createExchanger,
  type Exchanged,
} from '../../gateway/feide/exchanger.ts'
import { createSealer } from '../../gateway/token/seal.ts'

/** An exchanger on a clock of its own, and what it asked. */
function stage(expiresIn: number | undefined = 300) {
  const asked: string[] = []
  const stored = new Map<string, Exchanged>()
  const state = { now: 1_000_000, fault: undefined as Error | undefined }
  const memory = createExchangeMemory()
  const make = (name: string) =>
    createExchanger({
      name,
      memory,
      now: () => state.now,
      store: {
        read: async key => stored.get(key),
        write: async (key, exchanged) => void stored.set(key, exchanged),
      },
      ask: async subject => {
        asked.push(subject)
        if (state.fault) throw state.fault
        return { token: `${name} for ${subject} ${asked.length}`, expiresIn }
      },
    })
  return { asked, stored, state, memory, make, exchange: make('a') }
}
const FOR_EVER = Number.POSITIVE_INFINITY

describe('what was exchanged', () => {
  test('is used until five seconds before it ends', async () => {
    const on = stage(300)
    const first = await on.exchange('x', FOR_EVER)
    on.state.now += 294_999
    expect(await on.exchange('x', FOR_EVER)).toEqual(first)
    on.state.now += 1
    expect(await on.exchange('x', FOR_EVER)).not.toEqual(first)
    expect(on.asked).toEqual(['x', 'x'])
  })
  test('is used no longer than what it was exchanged for', async () => {
    const on = stage(300)
    await on.exchange('x', on.state.now + 10_000)
    on.state.now += 10_000
    await on.exchange('x', on.state.now + 10_000)
    expect(on.asked).toEqual(['x', 'x'])
  })
  test('is nothing to an exchange of another name', async () => {
    const on = stage()
    const other = on.make('b')
    expect(await on.exchange('x', FOR_EVER)).toMatchObject({ token: 'a for x 1' })
    expect(await other('x', FOR_EVER)).toMatchObject({ token: 'b for x 2' })
  })
  test('is found in the store by another gateway, under a name that says nothing', async () => {
    const on = stage()
    await on.exchange('secret', FOR_EVER)
    const [[key, value] = expect.fail('nothing stored')] = on.stored
    expect(key).not.toContain('secret')
    on.memory.known.clear()
    expect(await on.exchange('secret', FOR_EVER)).toEqual(value)
    expect(on.asked).toEqual(['secret'])
  })
})

describe('what Feide refused', () => {
  const refusal = new FeideError('refused: invalid_grant, no x here', 'invalid_grant')
  test('stands for 30 seconds, and never names the token', async () => {
    const on = stage()
    on.state.fault = refusal
    const no = { notExchanged: 'refused', why: 'refused: invalid_grant, no … here' }
    expect(await on.exchange('x', FOR_EVER)).toMatchObject(no)
    on.state.fault = undefined
    on.state.now += 29_999
    expect(await on.exchange('x', FOR_EVER)).toMatchObject(no)
    on.state.now += 1
    expect(await on.exchange('x', FOR_EVER)).toMatchObject({ token: 'a for x 2' })
  })
  test('is no refusal of the token where the fault is the gateway’s own', async () => {
    const on = stage()
    on.state.fault = new FeideError('refused: invalid_client', 'invalid_client')
    expect(await on.exchange('x', FOR_EVER)).toMatchObject({ notExchanged: 'unavailable' })
  })
})

test('an outage is believed for a second: nobody waits for the next time-out', async () => {
  const on = stage()
  on.state.fault = new FeideError('it took too long')
  await on.exchange('x', FOR_EVER)
  on.state.fault = undefined
  expect(await on.exchange('y', FOR_EVER)).toMatchObject({ notExchanged: 'unavailable' })
  on.state.now += 1_001
  expect(await on.exchange('y', FOR_EVER)).toMatchObject({ token: 'a for y 2' })
})

test('callers who make tokens up do not become a flood at Feide', async () => {
  const on = stage()
  const all = Array.from({ length: 1_000 }, (_, i) => on.exchange(`x${i}`, FOR_EVER))
  const outcomes = await Promise.all(all)
  expect(on.asked.length).toBeLessThanOrEqual(65)
  expect(outcomes.filter(outcome => 'notExchanged' in outcome).length).toBeGreaterThan(900)
})

describe('a sealed text', () => {
  const sealer = createSealer('a secret', 'a test')
  test('opens under its own name alone', () => {
    const sealed = sealer.seal('name', 'text')
    expect([sealer.open('name', sealed), sealer.open('other', sealed)]).toEqual(['text', undefined])
  })
  test('does not open with another secret, for another purpose, or changed', () => {
    const sealed = sealer.seal('name', 'text')
    const changed = Buffer.from(sealed, 'base64url')
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
    expect([
      createSealer('another', 'a test').open('name', sealed),
      createSealer('a secret', 'another').open('name', sealed),
      sealer.open('name', changed.toString('base64url')),
      sealer.open('name', sealed.slice(0, 20)),
      sealer.open('name', ''),
    ]).toEqual(Array(5).fill(undefined))
  })
  test('is another one each time', () => {
    expect(sealer.seal('name', 'text')).not.toBe(sealer.seal('name', 'text'))
  })
})
