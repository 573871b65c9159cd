import type { Registry } from 'prom-client'
import { SECONDS } from './metrics.ts'
import { PREFIX } from './registry.ts'

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
  duration: SECONDS.map(() => 0).concat(0),
  upstream: SECONDS.map(() => 0).concat(0),
}

type Value = { readonly value: number; readonly labels: Readonly<Record<string, unknown>> }

/** Reads the metrics of a process off; asked for every few seconds, never by a request. */
export async function readCounts(registry: Registry): Promise<Counts> {
  const read = async (name: string): Promise<readonly Value[]> =>
    (await registry.getSingleMetric(PREFIX + name)?.get())?.values ?? []
  const requests = await read('requests_total')
  const [inFlight] = await read('in_flight_requests')
  return addCounts([
    ...requests.map(countOf),
    {
      ...NO_COUNTS,
      inFlight: inFlight?.value ?? 0,
      duration: bucketsOf(await read('request_duration_seconds')),
      upstream: bucketsOf(await read('upstream_duration_seconds')),
    },
  ])
}

function countOf({ value, labels }: Value): Counts {
  const { data_source, route, method, status, decision, code } = labels
  const isAllowed = decision === 'allow'
  const own: RouteCount = {
    dataSource: String(data_source),
    route: String(route),
    method: String(method),
    allowed: isAllowed ? value : 0,
    refused: isAllowed ? 0 : value,
    failed: isAllowed && Number(status) >= 500 ? value : 0,
  }
  return { ...NO_COUNTS, routes: [own], codes: isAllowed ? {} : { [String(code)]: value } }
}

/** Over all routes. */
function bucketsOf(values: readonly Value[]): Buckets {
  const places = new Map<unknown, number>(SECONDS.map((seconds, i) => [seconds, i]))
  const sums = SECONDS.map(() => 0).concat(0)
  for (const { value, labels } of values) {
    const place = labels.le === '+Inf' ? SECONDS.length : places.get(labels.le)
    if (place !== undefined) sums[place] = (sums[place] ?? 0) + value
  }
  return sums
}

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

const addBuckets = (a: Buckets, b: Buckets): Buckets => a.map((count, i) => count + (b[i] ?? 0))
