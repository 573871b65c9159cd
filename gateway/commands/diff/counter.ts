import type { Tally } from './log.ts'
import type { Answer, Verdict } from './verdict.ts'

/** At least, and at most. */
export interface Range {
  readonly least: number
  readonly most: number
}

export interface Counts {
  readonly refused: Range
  readonly allowed: Range
}

export interface Client extends Counts {
  /** Absent: no token. */
  readonly clientId: string | undefined
}

/** How many requests of a log would have had another decision, and whose. */
export interface Touched extends Counts {
  readonly clients: readonly Client[]
}

/** Adds up what verdicts come to, client by client. */
export function counter() {
  const clients = new Map<string | undefined, Counts>()
  const add = ({ clientId, count }: Tally, { refused, allowed }: Verdict) => {
    if (refused === 'no' && allowed === 'no') return
    const known = clients.get(clientId) ?? NONE
    clients.set(clientId, {
      refused: sum(known.refused, rangeOf(refused, count)),
      allowed: sum(known.allowed, rangeOf(allowed, count)),
    })
  }
  const result = (): Touched => {
    const all = [...clients].map(([clientId, counts]) => ({ clientId, ...counts }))
    const weight = ({ refused, allowed }: Counts) => refused.most + allowed.most
    return {
      refused: all.reduce((into, { refused }) => sum(into, refused), ZERO),
      allowed: all.reduce((into, { allowed }) => sum(into, allowed), ZERO),
      clients: all.sort((a, b) => weight(b) - weight(a)),
    }
  }
  return { add, result }
}

const ZERO: Range = { least: 0, most: 0 }
const NONE: Counts = { refused: ZERO, allowed: ZERO }

const sum = (a: Range, b: Range): Range => ({ least: a.least + b.least, most: a.most + b.most })

const rangeOf = (answer: Answer, count: number): Range => ({
  least: answer === 'yes' ? count : 0,
  most: answer === 'no' ? 0 : count,
})
