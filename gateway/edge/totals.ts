import { AggregatorRegistry, type Registry } from 'prom-client'

/** The metrics of a process, as they are sent to another one. */
type Samples = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

/** The metrics of several processes as one; each metric says how (`aggregator`). */
export interface Totals {
  /** What a process says of itself, as it came over a channel. */
  readonly note: (process: object, samples: unknown) => void
  /** Keeps what a process that is gone has counted: a sum never goes back. */
  readonly bury: (process: object) => void
  /** Text of Prometheus. */
  readonly text: () => Promise<string>
}

/** @param own the metrics of this process, which are added to those of the others */
export function createTotals(own: Registry): Totals {
  const last = new Map<object, Samples>()
  let buried: readonly Samples[] = []

  const note: Totals['note'] = (process, samples) => {
    if (Array.isArray(samples)) last.set(process, samples.map(withoutGaps))
  }
  const bury: Totals['bury'] = process => {
    const counted = (last.get(process) ?? []).filter(({ type }) => String(type) !== 'gauge')
    last.delete(process)
    const all = [...buried, counted]
    buried = all
    void add(all)
      .getMetricsAsJSON()
      .then(sum => {
        if (buried === all) buried = [sum]
      })
  }
  const text = async () => {
    const mine = await own.getMetricsAsJSON()
    return add([mine, ...buried, ...last.values()]).metrics()
  }
  return { note, bury, text }
}

const add = (all: readonly Samples[]) => AggregatorRegistry.aggregate([...all])

/** JSON has no NaN, which is what an average of nothing is. */
const withoutGaps = (metric: Samples[number]): Samples[number] => ({
  ...metric,
  values: metric.values.filter(({ value }) => typeof value === 'number'),
})
