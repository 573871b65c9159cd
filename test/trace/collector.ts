import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

type Attribute = { readonly key: string; readonly value: Record<string, unknown> }

export type SpanSaid = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  /** 2 is SERVER, 3 is CLIENT. */
  readonly kind: number
  /** Nanoseconds since the epoch. */
  readonly start: bigint
  readonly end: bigint
  /** 0 is unset, 2 is an error. */
  readonly status: number
  readonly attributes: Readonly<Record<string, unknown>>
  /** Of the service. */
  readonly resource: Readonly<Record<string, unknown>>
}

export type Collector = {
  readonly url: string
  readonly spans: SpanSaid[]
  /** The body of every request, as it came. */
  readonly text: string
  readonly headers: readonly IncomingHttpHeaders[]
  readonly paths: readonly string[]
  /** `slow`: takes every request and never answers. */
  mode: 'well' | 'broken' | 'slow'
  /** All spans of a trace, once there are so many. */
  trace(traceId: string, count: number): Promise<SpanSaid[]>
  close(): Promise<void>
}

/** A real receiver of traces: OTLP over HTTP, in JSON. */
export async function startCollector(port = 0): Promise<Collector> {
  const sockets = new Set<Socket>()
  const headers: IncomingHttpHeaders[] = []
  const paths: string[] = []
  let text = ''
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    headers.push(request.headers)
    paths.push(`${request.method} ${request.url}`)
    text += body
    if (collector.mode === 'slow') return
    if (collector.mode === 'broken') return void response.writeHead(400).end()
    collector.spans.push(...spansIn(body))
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: [],
    get text() {
      return text
    },
    headers,
    paths,
    mode: 'well',
    async trace(traceId, count) {
      const deadline = Date.now() + 10_000
      for (;;) {
        const spans = collector.spans.filter(span => span.traceId === traceId)
        if (spans.length >= count) return spans
        if (Date.now() > deadline) throw new Error(`${spans.length} spans, not ${count}: ${text}`)
        await sleep(20)
      }
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
  return collector
}

type Raw = Readonly<Record<string, unknown>> & { readonly attributes?: readonly Attribute[] }

/** What the specification of OTLP calls an ExportTraceServiceRequest, as far as it is looked at. */
type Message = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: readonly { readonly spans: readonly Raw[] }[]
  }[]
}

function spansIn(body: string): SpanSaid[] {
  const message: Message = JSON.parse(body)
  return message.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map(span => spanOf(span, valuesOf(resource.attributes))),
  )
}

const spanOf = (span: Raw, resource: Readonly<Record<string, unknown>>): SpanSaid => ({
  traceId: String(span.traceId),
  spanId: String(span.spanId),
  parentSpanId: span.parentSpanId === undefined ? undefined : String(span.parentSpanId),
  name: String(span.name),
  kind: Number(span.kind),
  start: BigInt(String(span.startTimeUnixNano)),
  end: BigInt(String(span.endTimeUnixNano)),
  status: Number((span.status as { code?: number } | undefined)?.code ?? 0),
  attributes: valuesOf(span.attributes ?? []),
  resource,
})

const valuesOf = (attributes: readonly Attribute[]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

/** The environment of a gateway that sends its spans there, soon. */
export const sendingTo = ({ url }: Pick<Collector, 'url'>) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_BSP_SCHEDULE_DELAY: '50',
})

/** A trace of a caller's. */
export function callersTrace(sampled = true) {
  const hex = (length: number) =>
    Array.from({ length }, () => Math.floor(Math.random() * 15 + 1).toString(16)).join('')
  const [traceId, spanId] = [hex(32), hex(16)]
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${sampled ? '01' : '00'}` }
}
