import type { Metrics } from './metrics.ts'
import { emptyHistogram, type Histogram, type Outcome, type Series, upTo } from './series.ts'

/** What the page needs of the metrics of a process: plain values, which are sent between processes. */
export interface Counts {
  readonly inFlight: number
  readonly routes: readonly RouteCount[]
  /** Refusals by their code. */
  readonly codes: Readonly<Record<string, number>>
  /** From the first byte of a request to the end of its answer, and what of it was the upstream's. */
  readonly duration: Buckets
  readonly upstream: Buckets
}

/** Requests of one method on one route; both are empty where no route was found. */
export interface RouteCount {
  readonly dataSource: string
  readonly route: string
  readonly method: string
  readonly allowed: number
  readonly refused: number
  /** Of those that were allowed: the API answered with a status of 500 or above. */
  readonly failed: number
}

/** How many took at most as long as each of `SECONDS`; the last one: how many there were. */
export type Buckets = readonly number[]

export const NO_COUNTS: Counts = {
  inFlight: 0,
  routes: [],
  codes: {},
  duration: emptyHistogram().counts,
  upstream: emptyHistogram().counts,
}

/** What a process has counted; asked for every few seconds, never by a request. */
export function readCounts({ series, inFlight }: Pick<Metrics, 'series' | 'inFlight'>): Counts {
  const all = series.all()
  const codes: Record<string, number> = {}
  for (const { outcomes } of all) {
    for (const { code, count } of outcomes) {
      if (code !== '') codes[code] = (codes[code] ?? 0) + count
    }
  }
  return {
    inFlight: inFlight.requests,
    routes: all.flatMap(countsOf),
    codes,
    duration: upTo(all.map(({ duration }) => duration).reduce(addHistograms, emptyHistogram())),
    upstream: upTo(all.map(({ upstream }) => upstream).reduce(addHistograms, emptyHistogram())),
  }
}

const countsOf = ({ dataSource, route, outcomes }: Series): RouteCount[] =>
  [...Map.groupBy(outcomes, ({ method }) => method)].map(([method, own]) => {
    const sum = (isMeant: (outcome: Outcome) => boolean) =>
      own.reduce((total, one) => total + (isMeant(one) ? one.count : 0), 0)
    return {
      dataSource,
      route,
      method,
      allowed: sum(({ code }) => code === ''),
      refused: sum(({ code }) => code !== ''),
      failed: sum(({ code, status }) => code === '' && Number(status) >= 500),
    }
  })

const addHistograms = (a: Histogram, b: Histogram): Histogram => ({
  counts: addBuckets(a.counts, b.counts),
  sum: a.sum + b.sum,
})

/** The sum of what several processes have counted. */
export function addCounts(all: readonly Counts[]): Counts {
  const routes = new Map<string, RouteCount>()
  const codes = new Map<string, number>()
  for (const counts of all) {
    for (const one of counts.routes) {
      const key = JSON.stringify([one.dataSource, one.route, one.method])
      routes.set(key, addRoute(routes.get(key), one))
    }
    for (const [code, count] of Object.entries(counts.codes)) {
      codes.set(code, (codes.get(code) ?? 0) + count)
    }
  }
  return {
    inFlight: all.reduce((sum, { inFlight }) => sum + inFlight, 0),
    routes: [...routes.values()],
    codes: Object.fromEntries(codes),
    duration: all.map(({ duration }) => duration).reduce(addBuckets, NO_COUNTS.duration),
    upstream: all.map(({ upstream }) => upstream).reduce(addBuckets, NO_COUNTS.upstream),
  }
}

const addRoute = (a: RouteCount | undefined, b: RouteCount): RouteCount =>
  a
    ? {
        ...b,
        allowed: a.allowed + b.allowed,
        refused: a.refused + b.refused,
        failed: a.failed + b.failed,
      }
    : b

const addBuckets = (a: Buckets, b: Buckets): number[] => a.map((count, i) => count + (b[i] ?? 0))
