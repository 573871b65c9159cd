import type { DataSource, Route } from '../model.ts'

/** Seconds: the upper ends of the buckets. */
export const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Seconds that something took, by how long. */
export interface Histogram {
  /** How many ended in each bucket, and behind the last one. */
  readonly counts: number[]
  sum: number
}

/** How requests ended, and how many did so. */
export interface Outcome {
  readonly method: string
  /** One that HTTP knows, 499, or `other`. */
  readonly status: number | 'other'
  /** Empty: allowed. */
  readonly code: string
  count: number
}

/** What is counted of the requests to one pattern of one data source; both are empty where none was found. */
export interface Series {
  readonly dataSource: string
  readonly route: string
  readonly outcomes: Outcome[]
  /** Requests that `enforce: false` let through, by what they would have been refused for. */
  readonly shadowed: Map<string, number>
  readonly duration: Histogram
  readonly upstream: Histogram
}

/**
 * What is counted route by route. A request finds its series without making a key of labels, and adds to
 * numbers: a policy may have thousands of routes, and the labels of each are wanted when somebody looks.
 */
export interface AllSeries {
  readonly of: (route: Route | undefined, dataSource: DataSource | undefined) => Series
  /** In the order in which each was needed first; none is ever left out, whatever policy comes. */
  readonly all: () => readonly Series[]
}

export function createSeries(): AllSeries {
  const all = new Map<string, Series>()
  // Of the policy in force; those of the next one find the same series by their names.
  const known = new WeakMap<Route | DataSource, Series>()
  const named = (dataSource: string, route: string): Series => {
    const key = JSON.stringify([dataSource, route])
    const series = all.get(key) ?? emptySeries(dataSource, route)
    all.set(key, series)
    return series
  }
  let none: Series | undefined
  const of: AllSeries['of'] = (route, dataSource) => {
    const place = route ?? dataSource
    if (!place) {
      none ??= named('', '')
      return none
    }
    const found = known.get(place)
    if (found) return found
    const series = named((route?.dataSource ?? dataSource)?.id ?? '', route?.pattern ?? '')
    known.set(place, series)
    return series
  }
  return { of, all: () => [...all.values()] }
}

const emptySeries = (dataSource: string, route: string): Series => ({
  dataSource,
  route,
  outcomes: [],
  shadowed: new Map(),
  duration: emptyHistogram(),
  upstream: emptyHistogram(),
})

export const emptyHistogram = (): Histogram => ({ counts: SECONDS.map(() => 0).concat(0), sum: 0 })

/** There are few: those of one route, and of what can come of it. */
export function count({ outcomes }: Series, ended: Omit<Outcome, 'count'>): void {
  const { method, status, code } = ended
  for (const one of outcomes) {
    if (one.method === method && one.status === status && one.code === code) {
      one.count += 1
      return
    }
  }
  outcomes.push({ ...ended, count: 1 })
}

export function countShadow({ shadowed }: Series, code: string): void {
  shadowed.set(code, (shadowed.get(code) ?? 0) + 1)
}

export function observe(histogram: Histogram, seconds: number): void {
  let place = 0
  while (place < SECONDS.length && seconds > (SECONDS[place] as number)) place += 1
  histogram.counts[place] = (histogram.counts[place] as number) + 1
  histogram.sum += seconds
}

/** How many took at most as long as each of `SECONDS`; the last one: how many there were. */
export function upTo({ counts }: Histogram): number[] {
  let sum = 0
  return counts.map(own => {
    sum += own
    return sum
  })
}
