import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

export const PREFIX = 'feide_gateway_'

/** How several processes are told of as one, where neither the sum nor what the library says fits. */
const TOGETHER = {
  // Since when there is counted: the primary process is the first to start, and its sums never go back.
  process_start_time_seconds: 'min',
  nodejs_eventloop_lag_p90_seconds: 'max',
  nodejs_eventloop_lag_p99_seconds: 'max',
} as const

/** Gauges with names of counters, which say nothing that others do not. */
const MISNAMED = ['active_handles_total', 'active_requests_total', 'active_resources_total']

/** A registry with what every process of a gateway tells. */
export function openRegistry() {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, prefix: PREFIX })
  for (const name of MISNAMED) registry.removeSingleMetric(`${PREFIX}nodejs_${name}`)
  for (const [name, aggregator] of Object.entries(TOGETHER)) {
    Object.assign(registry.getSingleMetric(PREFIX + name) ?? {}, { aggregator })
  }
  const named = (name: string, help: string) => ({ name: PREFIX + name, help, registers })
  const ofEveryProcess = {
    policyReloads: new Counter({
      ...named('policy_reloads_total', 'Reloads of the policy.'),
      labelNames: ['result'] as const,
    }),
    logLinesDropped: new Counter(
      named('log_lines_dropped_total', 'Log lines that nobody read in time.'),
    ),
    buildInfo: new Gauge({
      ...named('build_info', 'Which gateway this is.'),
      labelNames: ['version'] as const,
      aggregator: 'max',
    }),
    policyInfo: new Gauge({
      ...named('policy_info', 'Which policy is in force: the SHA-256 of its file.'),
      labelNames: ['hash'] as const,
      aggregator: 'max',
    }),
    policyLoadedAt: new Gauge({
      ...named('policy_loaded_timestamp_seconds', 'Since when the policy is in force.'),
      aggregator: 'max',
    }),
    policyReloadGood: new Gauge({
      ...named(
        'policy_last_reload_successful',
        'Whether the policy file was last read without fault.',
      ),
      aggregator: 'max',
    }),
  }
  return { registry, named, ofEveryProcess }
}
