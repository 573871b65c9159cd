import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { openRegistry } from './registry.ts'

export const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** The format of what is told (`Content-Type`). */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/**
 * The metrics of a process that has others serve the callers.
 *
 * @param serving how many do
 */
export function createPrimaryMetrics(serving: () => number) {
  const { registry, named, ofEveryProcess } = openRegistry()
  return {
    registry,
    ...ofEveryProcess,
    workers: new Gauge({
      ...named('workers', 'Worker processes that serve callers.'),
      collect() {
        this.set(serving())
      },
    }),
    workerRestarts: new Counter(
      named('worker_restarts_total', 'Worker processes that were started in place of a dead one.'),
    ),
  }
}

/** Every metric of the gateway (contract 7). Label values come from the policy or from closed lists. */
export function createMetrics() {
  const { registry, named, ofEveryProcess } = openRegistry()
  const byRoute = ['data_source', 'route'] as const
  return {
    registry,
    ...ofEveryProcess,
    requests: new Counter({
      ...named('requests_total', 'Requests, by how they ended.'),
      labelNames: [...byRoute, 'method', 'status', 'decision', 'code'] as const,
    }),
    shadowedRequests: new Counter({
      ...named(
        'shadowed_requests_total',
        'Requests that `enforce: false` let through, by what they would have been refused for.',
      ),
      labelNames: [...byRoute, 'code'] as const,
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
    ready: new Gauge({
      ...named('ready', 'Whether the gateway can serve: a policy is in force and keys are known.'),
      aggregator: 'max',
    }),
    verifiedTokens: new Gauge(
      named('verified_tokens', 'Tokens that are remembered, so that each is verified once.'),
    ),
    connections: new Gauge(named('connections', 'Connections of callers.')),
    receivedBytes: new Counter(
      named('received_bytes_total', 'Bytes from callers, headers and TLS included.'),
    ),
    sentBytes: new Counter(
      named('sent_bytes_total', 'Bytes to callers, headers and TLS included.'),
    ),
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
      aggregator: 'min',
    }),
    tokenExchanges: new Counter({
      ...named(
        'token_exchanges_total',
        'Exchanges at Feide: `in`, opaque tokens of callers; `out`, tokens for the API.',
      ),
      labelNames: ['data_source', 'direction', 'outcome'] as const,
    }),
    tlsFailures: new Counter({
      ...named('tls_failures_total', 'Connections that did not come to an agreement on TLS.'),
      labelNames: ['reason'] as const,
    }),
    keyFetches: new Counter({
      ...named('key_fetches_total', 'Fetches of the key set from the issuer.'),
      labelNames: ['outcome'] as const,
    }),
    keySetAge: new Gauge({
      ...named('key_set_age_seconds', 'Since the issuer was asked for the key set in use.'),
      aggregator: 'max',
    }),
    keySetKeys: new Gauge({
      ...named('key_set_keys', 'Usable keys of the key set in use, by where it came from.'),
      labelNames: ['source'] as const,
      aggregator: 'max',
    }),
    unknownKids: new Counter(
      named('unknown_kids_total', 'Tokens with a key id that the key set does not have.'),
    ),
    redisUp: new Gauge({
      ...named('redis_up', 'Whether Redis answered the last command.'),
      aggregator: 'min',
    }),
    spans: new Counter({
      ...named('trace_spans_total', 'Spans that were sent, or could not be.'),
      labelNames: ['outcome'] as const,
    }),
    storedKeysIgnored: new Counter(
      named('stored_values_ignored_total', 'Values in Redis that were not used.'),
    ),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
