import { ROOT_CONTEXT, type Span, SpanKind, type Tracer, trace } from '@opentelemetry/api'
import type { RawRequest } from '../model.ts'
import { clientBegin, endClient, endServer } from './span-attributes.ts'
import { openProvider } from './spans.ts'
import type { RequestTrace, Tracing, TracingTools } from './trace.ts'
import { readTraceParent, withTraceParent } from './traceparent.ts'

/** Spans through OpenTelemetry; loaded where they are asked for, and nowhere else. */
export function startTracing(tools: TracingTools): Tracing {
  const { tracer, close } = openProvider(tools)
  return { begin: (raw, startedAt) => beginTrace(tracer, raw, startedAt), close }
}

function beginTrace(tracer: Tracer, raw: RawRequest, startedAt: number): RequestTrace {
  // Milliseconds since the epoch by one clock, so that the spans of a request fit into each other.
  const epoch = Date.now() - performance.now()
  const now = () => epoch + performance.now()
  const parent = readTraceParent(raw.headers)
  const outside = parent
    ? trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true })
    : ROOT_CONTEXT
  const startTime = epoch + startedAt
  const server = tracer.startSpan('HTTP', { kind: SpanKind.SERVER, startTime }, outside)
  const inside = trace.setSpan(outside, server)
  let client: Span | undefined
  let sent = 0
  let receivedAt: number | undefined

  return {
    sendTo: outgoing => {
      if (client) endClient(client, undefined, now())
      const { name, attributes } = clientBegin(outgoing, sent)
      const options = { kind: SpanKind.CLIENT, startTime: now(), attributes }
      client = tracer.startSpan(name, options, inside)
      sent += 1
      receivedAt = undefined
      const headers = withTraceParent(outgoing.headers, client.spanContext(), parent !== undefined)
      return { ...outgoing, headers }
    },
    received: () => {
      receivedAt ??= now()
    },
    end: traced => {
      if (client) endClient(client, traced, receivedAt ?? now())
      endServer(server, raw, traced, now())
    },
  }
}
