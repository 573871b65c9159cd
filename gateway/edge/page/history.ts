import type { Buckets, Counts, RouteCount } from '../counts.ts'
import { SECONDS } from '../series.ts'

/** The last quarter of an hour, for the charts. */
export interface History {
  /** Takes over what was counted up to a time (milliseconds since the epoch). */
  readonly note: (at: number, counts: Counts) => void
  /** Oldest first. */
  readonly points: () => readonly Point[]
  /** Refusals by their code, within what is remembered. */
  readonly codes: () => Readonly<Record<string, number>>
}

/** What happened within some seconds. */
export interface Point {
  /** The end of it; milliseconds since the epoch. */
  readonly at: number
  /** Requests a second. */
  readonly allowed: number
  readonly refused: number
  /** Seconds; `undefined` where there was no request. */
  readonly duration: Quantiles
  readonly upstream: Quantiles
}

export interface Quantiles {
  readonly p50: number | undefined
  readonly p95: number | undefined
}

/** Milliseconds. */
export const SPAN = 15 * 60_000
export const STEP = 15_000

/** A rate over less says nothing. */
const LEAST = 2_500

interface Sample {
  readonly at: number
  readonly counts: Counts
}

/** Keeps one sample for each step; counts only ever rise, so that nothing between two is lost. */
export function createHistory(): History {
  const kept: Sample[] = []
  let latest: Sample | undefined

  const note: History['note'] = (at, counts) => {
    latest = { at, counts }
    const last = kept.at(-1)
    // A clock that was set back begins anew.
    if (last && at < last.at) kept.length = 0
    if (!last || at < last.at || at - last.at >= STEP) kept.push(latest)
    while (kept[0] && kept[0].at < at - SPAN) kept.shift()
  }
  const samples = () => {
    const last = kept.at(-1)
    return latest && last && latest.at - last.at >= LEAST ? [...kept, latest] : kept
  }
  const points = () => {
    const all = samples()
    return all.slice(1).map((sample, i) => pointOf(all[i] as Sample, sample))
  }
  const codes = () => {
    const before = kept[0]?.counts.codes ?? {}
    const counts = Object.entries(latest?.counts.codes ?? {})
    return Object.fromEntries(
      counts.map(([code, count]) => [code, Math.max(0, count - (before[code] ?? 0))]),
    )
  }
  return { note, points, codes }
}

function pointOf(before: Sample, { at, counts }: Sample): Point {
  const seconds = Math.max(at - before.at, 1) / 1000
  const rate = (pick: (count: RouteCount) => number) =>
    Math.max(0, totalOf(counts, pick) - totalOf(before.counts, pick)) / seconds
  return {
    at,
    allowed: rate(({ allowed }) => allowed),
    refused: rate(({ refused }) => refused),
    duration: quantilesOf(counts.duration, before.counts.duration),
    upstream: quantilesOf(counts.upstream, before.counts.upstream),
  }
}

export const totalOf = ({ routes }: Counts, pick: (count: RouteCount) => number): number =>
  routes.reduce((sum, count) => sum + pick(count), 0)

function quantilesOf(after: Buckets, before: Buckets): Quantiles {
  const within = after.map((count, i) => count - (before[i] ?? 0))
  return { p50: quantile(within, 0.5), p95: quantile(within, 0.95) }
}

/** As Prometheus reckons it: evenly spread within a bucket. Seconds. */
export function quantile(buckets: Buckets, share: number): number | undefined {
  const all = buckets.at(-1) ?? 0
  if (all <= 0) return undefined
  const rank = share * all
  const place = buckets.findIndex(count => count >= rank)
  const upper = SECONDS[place]
  if (upper === undefined) return SECONDS.at(-1)
  const lower = SECONDS[place - 1] ?? 0
  const below = place === 0 ? 0 : (buckets[place - 1] ?? 0)
  return lower + ((upper - lower) * (rank - below)) / Math.max((buckets[place] ?? 0) - below, 1)
}
