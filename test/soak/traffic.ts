import { attack } from './attacks/index.ts'
import type { Hand } from './hand.ts'
import { type Weighted, weighted } from './random.ts'
import type { Shot } from './shot.ts'
import { aloneShot } from './traffic/alone.ts'
import { expecting, lost, metadata, preflight, request, wrongMethod } from './traffic/ordinary.ts'

/** What a worker does next. */
export type Step = {
  readonly shots: readonly Shot[]
  /** Each on a connection of its own; else together on the one that is kept. */
  readonly alone: boolean
  /** On a new connection. */
  readonly hangUp: boolean
}

const KEPT: Weighted<(hand: Hand) => Shot> = [
  [88, request],
  [4, preflight],
  [2, expecting],
  [2, lost],
  [1, wrongMethod],
  [1, metadata],
]

const PIPELINED: Weighted<(hand: Hand) => Shot> = KEPT.filter(([, make]) => make !== expecting)

/** Shares of all steps. */
const PIPELINES = 0.06
const ALONE = 0.05
const HANG_UPS = 0.03

/** Mixed traffic, as a worker sends it. */
export function createTraffic(hand: Hand, attacks: number): () => Step {
  const { random } = hand
  return () => {
    const hangUp = random.chance(HANG_UPS)
    if (random.chance(attacks)) {
      const shot = attack(hand)
      return { shots: [shot], alone: shot.after !== 'keep', hangUp }
    }
    const dice = random.next()
    if (dice < ALONE) return { shots: [aloneShot(hand)], alone: true, hangUp }
    if (dice >= ALONE + PIPELINES) {
      return { shots: [weighted(random, KEPT)(hand)], alone: false, hangUp }
    }
    const shots = Array.from({ length: 2 + random.below(6) }, () =>
      weighted(random, PIPELINED)(hand),
    )
    return { shots, alone: false, hangUp }
  }
}
