import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  chooseOrigin,
  isUsable,
  newOrigin,
  noteFailure,
  noteSuccess,
  type OriginState,
} from '../../gateway/upstream/origins.ts'

const NOW = 1_000_000

const STATE: fc.Arbitrary<OriginState> = fc.record({
  inFlight: fc.nat(5),
  unanswered: fc.nat(6),
  restingUntil: fc.option(fc.integer({ min: NOW - 10, max: NOW + 10 }), { nil: undefined }),
  healthy: fc.boolean(),
})
const CANDIDATES = fc.array(
  STATE.map(state => ({ state })),
  { minLength: 1, maxLength: 6 },
)
const hasRested = ({ healthy, restingUntil }: OriginState) =>
  healthy && restingUntil !== undefined && restingUntil <= NOW

describe('the origin of the next request', () => {
  test('is one of those there are, whatever is known of them', () => {
    fc.assert(
      fc.property(CANDIDATES, fc.nat(), (candidates, turn) => {
        expect(candidates).toContain(chooseOrigin(candidates, turn, NOW))
      }),
    )
    expect(chooseOrigin([], 0, NOW)).toBeUndefined()
  })

  test('is the one with the fewest requests in flight, of those that can be used', () => {
    fc.assert(
      fc.property(CANDIDATES, fc.nat(), (candidates, turn) => {
        fc.pre(candidates.length > 1 && !candidates.some(({ state }) => hasRested(state)))
        const usable = candidates.filter(({ state }) => isUsable(state))
        const among = usable.length > 0 ? usable : candidates
        const least = Math.min(...among.map(({ state }) => state.inFlight))
        const chosen = chooseOrigin(candidates, turn, NOW)
        expect(among).toContain(chosen)
        expect(chosen?.state.inFlight).toBe(least)
      }),
    )
  })

  test('is each in turn where they are equal', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), fc.nat(1_000_000), (count, start) => {
        const candidates = Array.from({ length: count }, () => ({ state: newOrigin() }))
        const round = candidates.map((_, i) => chooseOrigin(candidates, start + i, NOW))
        expect(new Set(round).size).toBe(count)
      }),
    )
  })

  test('is one that has rested, once', () => {
    fc.assert(
      fc.property(CANDIDATES, fc.nat(), (candidates, turn) => {
        const rested = candidates.filter(({ state }) => hasRested(state))
        fc.pre(candidates.length > 1 && rested.length > 0)
        const tried = rested.map((_, i) => chooseOrigin(candidates, turn + i, NOW))
        expect(new Set(tried)).toEqual(new Set(rested))
        expect(candidates.some(({ state }) => hasRested(state))).toBe(false)
      }),
    )
  })
})

describe('an origin', () => {
  const EVENT = fc.constantFrom('unreachable', 'unanswered', 'answered')

  test('rests after no connection, or five requests in a row without an answer', () => {
    fc.assert(
      fc.property(fc.array(EVENT, { maxLength: 30 }), events => {
        const state = newOrigin()
        let inARow = 0
        let rests = false
        for (const event of events) {
          if (event === 'answered') {
            noteSuccess(state)
            inARow = 0
            rests = false
          } else {
            noteFailure(state, event as 'unreachable' | 'unanswered', NOW)
            inARow++
            rests ||= event === 'unreachable' || inARow >= 5
          }
          expect(isUsable(state)).toBe(!rests)
        }
      }),
    )
  })

  test('that fails again when it is tried rests for another five seconds', () => {
    const state = newOrigin()
    noteFailure(state, 'unreachable', NOW)
    const others = { state: newOrigin() }
    expect(chooseOrigin([{ state }, others], 0, NOW + 4_999)).toBe(others)
    expect(chooseOrigin([{ state }, others], 0, NOW + 5_000)?.state).toBe(state)
    noteFailure(state, 'unanswered', NOW + 6_000)
    expect(chooseOrigin([{ state }, others], 0, NOW + 10_999)).toBe(others)
    expect(chooseOrigin([{ state }, others], 0, NOW + 11_000)?.state).toBe(state)
  })
})
