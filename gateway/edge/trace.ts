import type { RawRequest, UpstreamRequest } from '../model.ts'
import type { Environment } from '../policy/source.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

/** What a span says of a request that has ended: nothing that its log line would not say. */
export interface Traced {
  readonly requestId: string
  readonly dataSource: string | undefined
  readonly route: string | undefined
  readonly method: string
  readonly status: number
  readonly decision: 'allow' | 'deny'
  readonly code: string | undefined
  readonly clientId: string | undefined
  readonly principal: string | undefined
  readonly aborted: boolean | undefined
}

/** The spans of one request. */
export interface RequestTrace {
  /** Begins the span of an attempt; the request that goes to the origin names it (`traceparent`). */
  readonly sendTo: (outgoing: UpstreamRequest) => UpstreamRequest
  /** The upstream has nothing more to do with the request. */
  readonly received: () => void
  readonly end: (traced: Traced) => void
}

export interface Tracing {
  /** @param startedAt milliseconds of `performance.now()` */
  readonly begin: (raw: RawRequest, startedAt: number) => RequestTrace
  /** Sends what is left, for so many milliseconds at most. */
  readonly close: (limit: number) => Promise<void>
}

export interface TracingTools {
  readonly env: Environment
  readonly version: string
  readonly log: Log
  readonly metrics: Pick<Metrics, 'spans'>
}

export type StartTracing = (tools: TracingTools) => Tracing

/** Spans are sent where OpenTelemetry's own variables say so; without them, none of it is even loaded. */
export async function loadTracing(env: Environment): Promise<StartTracing | undefined> {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT
  if (!endpoint || env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return undefined
  return (await import('./tracing.ts')).startTracing
}
