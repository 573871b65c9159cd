import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** The format of what is told (`Content-Type`). */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/** Every metric of the gateway (contract 7). Label values come from the policy or from closed lists. */
export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, prefix: 'feide_gateway_' })
  const named = (name: string, help: string) => ({ name: `feide_gateway_${name}`, help, registers })
  const byRoute = ['data_source', 'route'] as const
  return {
    registry,
    requests: new Counter({
      ...named('requests_total', 'Requests, by how they ended.'),
      labelNames: [...byRoute, 'method', 'status', 'decision', 'code'] as const,
    }),
    duration: new Histogram({
      ...named(
        'request_duration_seconds',
        'From the first byte of a request to the end of its answer.',
      ),
      labelNames: byRoute,
      buckets: SECONDS,
    }),
    upstreamDuration: new Histogram({
      ...named(
        'upstream_duration_seconds',
        'From the sending of a request to the head of its answer.',
      ),
      labelNames: byRoute,
      buckets: SECONDS,
    }),
    inFlight: new Gauge(named('in_flight_requests', 'Requests that have not been answered yet.')),
    upstreamActive: new Gauge({
      ...named('upstream_active_requests', 'Requests and WebSockets that are with an upstream.'),
      labelNames: ['data_source'] as const,
    }),
    upstreamPending: new Gauge({
      ...named('upstream_pending_requests', 'Requests that wait for a connection to an upstream.'),
      labelNames: ['data_source'] as const,
    }),
    originUp: new Gauge({
      ...named('upstream_origin_up', 'Whether requests go to an origin, where there are others.'),
      labelNames: ['data_source', 'origin'] as const,
    }),
    keyFetches: new Counter({
      ...named('key_fetches_total', 'Fetches of the key set from the issuer.'),
      labelNames: ['outcome'] as const,
    }),
    keySetAge: new Gauge(
      named('key_set_age_seconds', 'Since the issuer was asked for the key set in use.'),
    ),
    keySetKeys: new Gauge({
      ...named('key_set_keys', 'Usable keys of the key set in use, by where it came from.'),
      labelNames: ['source'] as const,
    }),
    unknownKids: new Counter(
      named('unknown_kids_total', 'Tokens with a key id that the key set does not have.'),
    ),
    redisUp: new Gauge(named('redis_up', 'Whether Redis answered the last command.')),
    storedKeysIgnored: new Counter(
      named('stored_values_ignored_total', 'Values in Redis that were not used.'),
    ),
    policyReloads: new Counter({
      ...named('policy_reloads_total', 'Reloads of the policy.'),
      labelNames: ['result'] as const,
    }),
    logLinesDropped: new Counter(
      named('log_lines_dropped_total', 'Log lines that nobody read in time.'),
    ),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
