import { Counter, Gauge, Registry } from 'prom-client'
import { openRegistry } from './registry.ts'
import { createSeries } from './series.ts'
import { tellSeries } from './series-metrics.ts'

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
  const series = createSeries()
  tellSeries(series, named)
  const inFlight = { requests: 0 }
  new Gauge({
    ...named('in_flight_requests', 'Requests that have not been answered yet.'),
    collect() {
      this.set(inFlight.requests)
    },
  })
  return {
    registry,
    ...ofEveryProcess,
    series,
    inFlight,
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
