import { describe, expect, test } from 'vitest'
import { type Counts, NO_COUNTS } from '../../gateway/edge/counts.ts'
import { createHistory, quantile } from '../../gateway/edge/page/history.ts'
import { SECONDS } from '../../gateway/edge/series.ts'

const START = 1_700_000_000_000

const counted = (allowed: number, refused: number, codes: Record<string, number> = {}): Counts => ({
  ...NO_COUNTS,
  codes,
  routes: [{ dataSource: 'a', route: '/a', method: 'GET', allowed, refused, failed: 0 }],
})

/** Buckets of so many requests, each as long as said, in seconds. */
const bucketsOf = (...lengths: readonly number[]) =>
  SECONDS.map(limit => lengths.filter(length => length <= limit).length).concat(lengths.length)

describe('the charts', () => {
  test('show rates between samples, in requests a second', () => {
    const history = createHistory()
    for (let i = 0; i <= 4; i++) history.note(START + i * 15_000, counted(i * 30, i * 15))
    expect(history.points().map(({ allowed, refused }) => [allowed, refused])).toEqual([
      [2, 1],
      [2, 1],
      [2, 1],
      [2, 1],
    ])
  })
  test('reach to now, also within a step', () => {
    const history = createHistory()
    history.note(START, counted(0, 0))
    history.note(START + 3_000, counted(6, 0))
    history.note(START + 6_000, counted(6, 0))
    expect(history.points()).toMatchObject([{ at: START + 6_000, allowed: 1 }])
  })
  test('say nothing of a moment', () => {
    const history = createHistory()
    history.note(START, counted(0, 0))
    history.note(START + 10, counted(6, 0))
    expect(history.points()).toEqual([])
  })
  test('hold a quarter of an hour', () => {
    const history = createHistory()
    for (let i = 0; i <= 1_000; i++) history.note(START + i * 3_000, counted(i, 0))
    const points = history.points()
    expect(points).toHaveLength(60)
    expect((points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0)).toBeLessThanOrEqual(15 * 60_000)
    expect(points.every(({ allowed }) => Math.abs(allowed - 1 / 3) < 1e-9)).toBe(true)
  })
  test('never go below zero, when a process did not say what it had counted', () => {
    const history = createHistory()
    history.note(START, counted(10, 10))
    history.note(START + 15_000, counted(5, 5))
    expect(history.points()).toMatchObject([{ allowed: 0, refused: 0 }])
  })
  test('begin anew when the clock is set back', () => {
    const history = createHistory()
    history.note(START, counted(0, 0))
    history.note(START + 15_000, counted(15, 0))
    history.note(START - 3_600_000, counted(30, 0))
    history.note(START - 3_600_000 + 15_000, counted(45, 0))
    expect(history.points()).toMatchObject([{ at: START - 3_600_000 + 15_000, allowed: 1 }])
  })
  test('show how long the requests of each step took', () => {
    const history = createHistory()
    history.note(START, NO_COUNTS)
    history.note(START + 15_000, { ...NO_COUNTS, duration: bucketsOf(0.02, 0.02, 0.02, 4) })
    history.note(START + 30_000, { ...NO_COUNTS, duration: bucketsOf(0.02, 0.02, 0.02, 4) })
    const [first, second] = history.points()
    expect(first?.duration.p50).toBeGreaterThan(0.01)
    expect(first?.duration.p50).toBeLessThan(0.025)
    expect(first?.duration.p95).toBeGreaterThan(2.5)
    expect(second?.duration).toEqual({ p50: undefined, p95: undefined })
  })
})

test('refusals of the last quarter of an hour are those since its beginning', () => {
  const history = createHistory()
  for (let i = 0; i <= 100; i++) {
    history.note(
      START + i * 15_000,
      counted(0, i, { token_missing: i, token_expired: i < 99 ? 0 : 2 }),
    )
  }
  expect(history.codes()).toEqual({ token_missing: 60, token_expired: 2 })
})

describe('a quantile', () => {
  test('is evenly spread within a bucket, as Prometheus has it', () => {
    const buckets = SECONDS.map(limit => (limit >= 0.1 ? 100 : 0)).concat(100)
    expect(quantile(buckets, 0.5)).toBeCloseTo(0.075)
    expect(quantile(buckets, 0.95)).toBeCloseTo(0.0975)
  })
  test('of nothing is nothing', () => {
    expect(quantile(NO_COUNTS.duration, 0.5)).toBeUndefined()
  })
  test('above all buckets is the last one', () => {
    expect(quantile(NO_COUNTS.duration.with(-1, 7), 0.5)).toBe(30)
  })
})
