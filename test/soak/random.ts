/** Numbers that look random and are the same for the same seed. */
export type Random = {
  /** At least 0, below 1. */
  next(): number
  /** A whole number, at least 0, below the limit. */
  below(limit: number): number
  chance(share: number): boolean
  pick<T>(list: readonly T[]): T
  /** Letters and digits. */
  word(length: number): string
  /** Another such source, that depends on this one's seed and the name alone. */
  fork(name: number): Random
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/** Mulberry32: small, fast, and good enough to mix traffic. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    below,
    chance: share => next() < share,
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new Error('nothing to pick from')
      return list[below(list.length)] as T
    },
    word: length => Array.from({ length }, () => LETTERS[below(LETTERS.length)]).join(''),
    fork: name => createRandom(Math.imul(seed ^ 0x9e3779b9, 2 * name + 1) ^ name),
  }
}

export type Weighted<T> = readonly (readonly [weight: number, value: T])[]

/** One of some things, the more often the higher its weight. */
export function weighted<T>(random: Random, list: Weighted<T>): T {
  const total = list.reduce((sum, [weight]) => sum + weight, 0)
  let left = random.next() * total
  for (const [weight, value] of list) {
    left -= weight
    if (left < 0) return value
  }
  throw new Error('nothing to pick from')
}
