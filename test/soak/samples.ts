import { descriptorsOf, MIB, median, memoryOf } from '../load/figures.ts'

/** What the gateway's process takes up, over time. */
export type Sample = {
  /** Requests so far. */
  readonly requests: number
  /** Bytes in memory. */
  readonly memory: number
  readonly descriptors: number
}

export const sample = (pid: number, requests: number): Sample => ({
  requests,
  memory: memoryOf(pid).now,
  descriptors: descriptorsOf(pid),
})

export type Thirds<T> = readonly [first: T, second: T, last: T]

/** The median of each third of a run, by requests. */
export function thirdsOf(
  samples: readonly Sample[],
  what: 'memory' | 'descriptors',
): Thirds<number> {
  const total = samples.at(-1)?.requests ?? 0
  const third = (n: number) =>
    median(
      samples
        .filter(({ requests }) => Math.min(2, Math.floor((3 * requests) / total)) === n)
        .map(one => one[what]),
    )
  return [third(0), third(1), third(2)]
}

/** Growth between the second and the last third that is none yet. */
const ALLOWED = 32 * MIB
/** Requests by which the heap has its size; in a shorter run it may grow by more. */
const WARM = 150_000
const WARMING = 128 * MIB

/** What speaks against it that the gateway stays as small as it is. */
export function growthFault(samples: readonly Sample[]): string | undefined {
  const total = samples.at(-1)?.requests ?? 0
  const [, second, last] = thirdsOf(samples, 'memory')
  const allowed = total < WARM ? WARMING : ALLOWED
  if (!(last - second > allowed)) return undefined
  const shown = [second, last].map(bytes => `${Math.round(bytes / MIB)} MiB`).join(' to ')
  return `it grew from ${shown} between the second and the last third`
}

/** Descriptors that come and go with what the gateway does for itself. */
const SPARE = 2

/** @param most descriptors that the callers can explain while they run */
export function descriptorFault(
  before: number,
  samples: readonly Sample[],
  after: number,
  most: number,
): string | undefined {
  const peak = Math.max(...samples.map(({ descriptors }) => descriptors))
  if (after > before + SPARE)
    return `${after} descriptors are left open, ${before} were at the start`
  return peak > before + most ? `${peak} descriptors were open at once` : undefined
}
