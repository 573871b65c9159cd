import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { editDistance, nearest } from '../../gateway/policy/nearest.ts'

describe('the distance of two words', () => {
  test.for([
    ['', '', 0],
    ['read', 'read', 0],
    ['read', 'reads', 1],
    ['read', 'ead', 1],
    ['read', 'road', 1],
    ['read', 'raed', 1],
    ['read', '', 4],
    ['scopes', 'spoces', 2],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ] as const)('%s, %s: %i', ([from, to, distance]) => {
    expect(editDistance(from, to)).toBe(distance)
  })
  test('is that of a plain recursion, whatever the words', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })
    fc.assert(
      fc.property(word, word, (from, to) => {
        expect(editDistance(from, to)).toBe(recursive(from, to))
        expect(editDistance(to, from)).toBe(recursive(from, to))
      }),
    )
  })
})

/** Optimal string alignment as it is defined, from the ends of both words. */
function recursive(from: string, to: string): number {
  if (from === '' || to === '') return from.length + to.length
  const [a, b] = [from.slice(0, -1), to.slice(0, -1)]
  const changed = recursive(a, b) + (from.at(-1) === to.at(-1) ? 0 : 1)
  const best = Math.min(recursive(a, to) + 1, recursive(from, b) + 1, changed)
  const swapped = from.at(-1) === to.at(-2) && from.at(-2) === to.at(-1) && from.length > 1
  return swapped && to.length > 1
    ? Math.min(best, recursive(from.slice(0, -2), to.slice(0, -2)) + 1)
    : best
}

describe('the word that was meant', () => {
  const KEYS = ['scopes', 'principal', 'clients', 'url', 'urls']
  test.for([
    ['scope', 'scopes'],
    ['spoces', 'scopes'],
    ['Scopes', 'scopes'],
    ['client', 'clients'],
    ['ulr', 'url'],
    ['password', undefined],
    ['x', undefined],
    ['', undefined],
  ] as const)('%s: %s', ([word, meant]) => expect(nearest(word, KEYS)).toBe(meant))
})
