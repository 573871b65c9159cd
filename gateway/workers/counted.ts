import { addCounts, type Counts, NO_COUNTS } from '../edge/counts.ts'

/** What the workers have counted, for the page: those included that are gone. */
export interface Counted {
  /** What a worker says of itself; nothing where it did not answer in time. */
  readonly note: (worker: object, counts: unknown) => void
  /** Keeps what a worker that is gone has counted. */
  readonly bury: (worker: object) => void
  readonly sum: () => Counts
}

export function createCounted(): Counted {
  const last = new Map<object, Counts>()
  let buried = NO_COUNTS
  return {
    note: (worker, counts) => {
      if (counts !== undefined) last.set(worker, counts as Counts)
    },
    bury: worker => {
      const counts = last.get(worker)
      last.delete(worker)
      if (counts) buried = addCounts([buried, { ...counts, inFlight: 0 }])
    },
    sum: () => addCounts([buried, ...last.values()]),
  }
}
