import type { Fate } from '../load/origin/words.ts'
import type { Bearer } from './oracle.ts'
import type { Random } from './random.ts'
import type { Arrival } from './shot.ts'
import type { Source } from './sources.ts'
import type { Token, Tokens } from './tokens.ts'

/** What all makers of requests share. */
export type Supplies = {
  readonly tokens: Tokens
  /** Bad tokens for each data source, each with the code that it gets. */
  readonly bad: Readonly<Record<string, readonly Exclude<Bearer, undefined>[]>>
  /** Random bytes, of which bodies are cut. */
  readonly bytes: Buffer
  /** Host and port of the upstream. */
  readonly authority: string
  /** Requests whose callers get no echo: the upstream itself will say what it saw. */
  readonly witnessed: Map<string, Arrival>
}

/** One maker of requests: the same seed makes the same ones, whatever the others do. */
export type Hand = Supplies & {
  readonly random: Random
  /** A new number for a request, with what may become of it. */
  number(fate: Fate): string
  /** Seconds since the epoch. */
  now(): number
}

export function createHand(supplies: Supplies, worker: number, random: Random): Hand {
  let count = 0
  const number = (fate: Fate): string => `${fate}${worker}-${++count}`
  return { ...supplies, random, number, now: () => Date.now() / 1000 }
}

/** The share of requests with a brief token. */
const BRIEF_SHARE = 0.05

/** A token of the pool for a data source; brief ones are taken around the time at which they are good. */
export function pickToken({ tokens, random }: Hand, source: Source): Token {
  const good = random.pick(tokens.good[source.id] ?? [])
  const offset = random.below(8) - 5
  return random.chance(BRIEF_SHARE) ? tokens.brief(source, offset) : good
}

/** A token of another data source. */
export function pickForeign({ tokens, random }: Hand, { id }: Source): Token {
  const others = Object.keys(tokens.good).filter(other => other !== id)
  return random.pick(tokens.good[random.pick(others)] ?? [])
}
