import { Counter, Histogram as LibraryHistogram } from 'prom-client'
import type { openRegistry } from './registry.ts'
import { type AllSeries, type Histogram, SECONDS, type Series, upTo } from './series.ts'

type Named = ReturnType<typeof openRegistry>['named']
type Metric = Counter | LibraryHistogram

/** One sample, as the library hands them on. */
interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly metricName?: string
}

const BY_ROUTE = ['data_source', 'route']

/** The metrics that tell of each route (contract 7): made of the series when they are asked for. */
export function tellSeries(series: AllSeries, named: Named): void {
  const told = (metric: Metric, samples: (series: Series) => readonly Sample[]) =>
    tellInstead(metric, () => series.all().flatMap(samples))
  const labelNames = [...BY_ROUTE, 'method', 'status', 'decision', 'code']
  told(
    new Counter({ ...named('requests_total', 'Requests, by how they ended.'), labelNames }),
    one =>
      one.outcomes.map(({ method, status, code, count }) => {
        const decision = code === '' ? 'allow' : 'deny'
        return { labels: { ...labelsOf(one), method, status, decision, code }, value: count }
      }),
  )
  told(
    new Counter({
      ...named(
        'shadowed_requests_total',
        'Requests that `enforce: false` let through, by what they would have been refused for.',
      ),
      labelNames: [...BY_ROUTE, 'code'],
    }),
    one =>
      [...one.shadowed].map(([code, value]) => ({ labels: { ...labelsOf(one), code }, value })),
  )
  const histogram = (name: string, help: string, of: (series: Series) => Histogram) => {
    const about = named(name, help)
    const metric = new LibraryHistogram({ ...about, labelNames: BY_ROUTE, buckets: SECONDS })
    told(metric, one => histogramSamples(about.name, labelsOf(one), of(one)))
  }
  histogram(
    'request_duration_seconds',
    'From the first byte of a request to the end of its answer.',
    ({ duration }) => duration,
  )
  histogram(
    'upstream_duration_seconds',
    'From the sending of a request to the head of its answer.',
    ({ upstream }) => upstream,
  )
}

/** What is asked of a metric when it is told, in text and between processes. */
function tellInstead(metric: Metric, samples: () => readonly Sample[]): void {
  const about = metric.get()
  const told = async () => ({ ...(await about), values: samples() })
  Object.assign(metric, { get: told, getForPromString: told })
}

const labelsOf = ({ dataSource, route }: Series) => ({ data_source: dataSource, route })

function histogramSamples(
  name: string,
  labels: Sample['labels'],
  histogram: Histogram,
): readonly Sample[] {
  const counts = upTo(histogram)
  const all = counts.at(-1) ?? 0
  // Nothing was observed: the library tells of no such series either.
  if (all === 0) return []
  const ends: readonly (number | string)[] = [...SECONDS, '+Inf']
  return [
    ...counts.map((value, i) => {
      return { labels: { le: ends[i] as number, ...labels }, value, metricName: `${name}_bucket` }
    }),
    { labels, value: histogram.sum, metricName: `${name}_sum` },
    { labels, value: all, metricName: `${name}_count` },
  ]
}
