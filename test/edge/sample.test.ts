import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { isSampled } from '../../gateway/edge/sample.ts'

const COUNT = 20_000

describe('the sample of requests', () => {
  test.each([
    ['random ids', () => randomUUID()],
    ['ids that are counted up', (i: number) => `request-${i}`],
    ['ids that differ at the beginning', (i: number) => `${i}.of-the-same-batch`],
  ])('of %s is the fraction that was asked for', (_, idOf) => {
    const ids = Array.from({ length: COUNT }, (_, i) => idOf(i))
    for (const fraction of [0.01, 0.1, 0.5, 0.9]) {
      const share = ids.filter(id => isSampled(id, fraction)).length / COUNT
      // Five standard deviations: once in three million runs by chance.
      const margin = 5 * Math.sqrt((fraction * (1 - fraction)) / COUNT)
      expect(Math.abs(share - fraction)).toBeLessThan(margin)
    }
  })
  test('is everything at 1 and nothing at 0', () => {
    const ids = Array.from({ length: 1000 }, () => randomUUID())
    expect(ids.every(id => isSampled(id, 1))).toBe(true)
    expect(ids.some(id => isSampled(id, 0))).toBe(false)
  })
  test('grows with the fraction: what a small one holds, a larger one holds too', () => {
    const ids = Array.from({ length: 1000 }, () => randomUUID())
    const small = ids.filter(id => isSampled(id, 0.2))
    expect(small.length).toBeGreaterThan(0)
    expect(small.every(id => isSampled(id, 0.3))).toBe(true)
  })
  test('is the same in every release: gateways of two of them agree', () => {
    const at = (id: string) => [0.1, 0.3, 0.5, 0.7, 0.9].find(one => isSampled(id, one))
    expect(['a', 'b', 'request-1', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'].map(at)).toEqual([
      0.3, 0.7, 0.3, 0.7,
    ])
  })
})
