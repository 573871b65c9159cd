import { randomUUID } from 'node:crypto'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources'
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Environment } from '../policy/source.ts'
import { timerLimit } from '../timer.ts'
import { samplerOf } from './sampler.ts'
import type { TracingTools } from './trace.ts'

/** Milliseconds that a collector has for the last spans, however long requests may be drained. */
const LAST_SPANS = 3_000

/**
 * Where spans go: in batches, in the background, as JSON over HTTP (OTLP). What a collector does not take
 * is dropped beyond a queue (2048 spans, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise).
 */
export function openProvider({ env, version, log, metrics }: TracingTools) {
  const exporter = telling(new OTLPTraceExporter(), (count, error) => {
    metrics.spans.inc({ outcome: error === undefined ? 'delivered' : 'failed' }, count)
    if ((error === undefined) === (lastError === undefined)) return
    if (error === undefined) log.info({}, 'traces are delivered again')
    else log.warn({ error }, 'traces are not delivered')
    lastError = error
  })
  let lastError: string | undefined
  const provider = new TracerProvider({
    resource: resourceOf(version),
    sampler: samplerOf(env, text => log.warn({}, text)),
    spanProcessors: [new BatchSpanProcessor({ exporter, ...batching(env) })],
  })
  const close = (limit: number) =>
    new Promise<void>(resolve => {
      setTimeout(resolve, timerLimit(Math.min(limit, LAST_SPANS))).unref()
      provider.shutdown().then(resolve, () => resolve())
    })
  return { tracer: provider.getTracer('feide-gateway', version), close }
}

/** The name of the service unless the environment has another, and one instance for each process. */
const resourceOf = (version: string) =>
  defaultResource()
    .merge(
      resourceFromAttributes({
        'service.name': 'feide-gateway',
        'service.version': version,
        'service.instance.id': randomUUID(),
      }),
    )
    .merge(detectResources({ detectors: [envDetector] }))

function batching(env: Environment) {
  const settings = {
    scheduledDelayMillis: positive(env.OTEL_BSP_SCHEDULE_DELAY),
    maxQueueSize: positive(env.OTEL_BSP_MAX_QUEUE_SIZE),
    maxExportBatchSize: positive(env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE),
    exportTimeoutMillis: positive(env.OTEL_BSP_EXPORT_TIMEOUT),
  }
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
}

const positive = (text: string | undefined): number | undefined =>
  text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined

/** @param tell how many spans, and why they were not delivered */
function telling(exporter: SpanExporter, tell: (count: number, error?: string) => void) {
  const telling: SpanExporter = {
    export: (spans, done) =>
      exporter.export(spans, result => {
        if (result.code === 0) tell(spans.length)
        else tell(spans.length, result.error?.message ?? 'unknown')
        done(result)
      }),
    shutdown: () => exporter.shutdown(),
  }
  return telling
}
