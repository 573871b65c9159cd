import { availableParallelism } from 'node:os'
import type { Running } from './bench.ts'
import { type Load, type LoadResult, load } from './load.ts'
import { forgetPeak, machineCpu, treeCpu, treeMemory } from './proc.ts'

/** What one round of one contestant came to. */
export interface Round {
  readonly name: string
  readonly requests: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Microseconds of CPU for a request, of the whole process tree, user and system. */
  readonly cpu: number
  /** Bytes of memory at most. */
  readonly peak: number
  /** Answers of 400 and above, and requests that got none. */
  readonly refused: number
  readonly broken: number
  /** How much of the machine's cores something else than the bench was using, from 0 to 1. */
  readonly others: number
}

/** Loads a contestant once, and reads off what it cost. */
export async function measure(running: Running, what: Load): Promise<Round> {
  const { pid } = running.server
  forgetPeak(pid)
  const others = watchOthers()
  const before = treeCpu(pid)
  const result = await load(running.port, what)
  const cpu = treeCpu(pid) - before
  return roundOf(running, result, { cpu, others: others(), peak: treeMemory(pid).peak })
}

const roundOf = (
  { name }: Running,
  { requests, micros, p50, p99, refused, broken }: LoadResult,
  { cpu, others, peak }: { cpu: number; others: number; peak: number },
): Round => ({
  name,
  requests,
  perSecond: requests / (micros / 1e6),
  p50: p50 / 1000,
  p99: p99 / 1000,
  cpu: cpu / requests,
  peak,
  refused,
  broken,
  others,
})

/** Begins to watch what else the machine does; the share of its cores that went there, when called. */
export function watchOthers(): () => number {
  const startedAt = performance.now()
  const [machine, own] = [machineCpu(), treeCpu(process.pid)]
  return () => {
    const elapsed = (performance.now() - startedAt) * 1000 * availableParallelism()
    const others = machineCpu() - machine - (treeCpu(process.pid) - own)
    return Math.min(1, Math.max(0, others / elapsed))
  }
}
