import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import {
  type Body,
  type HeaderList,
  headerValues,
  readChunks,
  readLength,
  splitHead,
} from './wire.ts'

export type UpstreamRequest = {
  readonly method: string
  readonly target: string
  readonly version: string
  readonly headers: HeaderList
  /** Decoded: without chunk framing. */
  readonly body: Buffer
  readonly trailers: string
  /** Head and body as they came, latin1. */
  readonly raw: string
}

export type UpstreamConnection = {
  /** Every byte that came, latin1, whether it made a request or not. */
  readonly text: string
  readonly requests: readonly UpstreamRequest[]
  readonly closed: boolean
  readonly socket: Socket
}

export type Reply = string | Buffer | undefined

export type Upstream = {
  readonly port: number
  readonly url: string
  /** Complete requests, in the order in which they came. */
  readonly requests: UpstreamRequest[]
  readonly connections: UpstreamConnection[]
  /** Raw bytes of the answer; `undefined` when the test answers over the socket itself, or never. */
  answer: (request: UpstreamRequest, socket: Socket) => Reply | Promise<Reply>
  /** Called when the head has come, before the body; the request has no body yet. */
  onHead: ((request: UpstreamRequest, socket: Socket) => void) | undefined
  /** What comes after a 101; the default echoes it. */
  onTunnel: (chunk: Buffer, socket: Socket) => void
  /** Every byte of every connection, latin1. */
  readonly received: string
  /** Connections that are open now. */
  readonly open: number
  /** The most that were open at once, since the start or `reset`. */
  readonly peak: number
  /** Cuts all connections. */
  cut(how?: 'destroy' | 'resetAndDestroy'): void
  /** Forgets what came and answers as at the start; connections stay open. */
  reset(): void
  close(): Promise<void>
}

/** All values of one header, whatever its case. */
export function headerOf(request: UpstreamRequest, name: string): string[] {
  return headerValues(request.headers, name)
}

export type ReplyParts = {
  readonly status?: number
  readonly reason?: string
  readonly headers?: HeaderList | Record<string, string>
  readonly body?: string | Buffer
  /** Leaves out the Content-Length that is otherwise added. */
  readonly bare?: boolean
}

/** The raw bytes of an answer. */
export function reply(parts: ReplyParts = {}): Buffer {
  const { status = 200, reason = 'OK', headers = [], body = '', bare = false } = parts
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body, 'latin1')
  const fields: HeaderList = Array.isArray(headers) ? [...headers] : Object.entries(headers)
  if (!bare) fields.push(['Content-Length', String(bytes.length)])
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const head = Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${lines}\r\n`, 'latin1')
  return Buffer.concat([head, bytes])
}

const BODY = '{"ok":true}'

function defaultAnswer(request: UpstreamRequest): Buffer {
  const full = reply({ headers: { 'Content-Type': 'application/json' }, body: BODY })
  return request.method === 'HEAD' ? full.subarray(0, full.length - BODY.length) : full
}

function echo(chunk: Buffer, socket: Socket): void {
  socket.write(chunk)
}

export type UpstreamOptions = {
  /** Default: any free one. */
  readonly port?: number
  /** Speaks TLS, as `localhost`. */
  readonly tls?: TlsOptions
}

/** A raw TCP or TLS server that parses requests itself and records every byte it gets. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const open = new Set<Recording>()
  const sockets = new Set<Socket>()
  let peak = 0
  const server = serverFor(options, socket => accept(upstream, open, socket))
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    peak = Math.max(peak, sockets.size)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const port = (server.address() as AddressInfo).port
  const upstream: Upstream = {
    port,
    url: options.tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    get open() {
      return sockets.size
    },
    get peak() {
      return peak
    },
    requests: [],
    connections: [],
    get received() {
      return upstream.connections.map(connection => connection.text).join('')
    },
    answer: defaultAnswer,
    onHead: undefined,
    onTunnel: echo,
    cut(how = 'destroy') {
      for (const socket of sockets) socket[how]()
    },
    reset() {
      peak = sockets.size
      for (const recording of open) Object.assign(recording, { text: '', requests: [] })
      upstream.requests.length = 0
      upstream.connections.splice(0, Number.POSITIVE_INFINITY, ...open)
      upstream.answer = defaultAnswer
      upstream.onHead = undefined
      upstream.onTunnel = echo
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        upstream.cut()
      }),
  }
  return upstream
}

function serverFor({ tls }: UpstreamOptions, onSocket: (socket: Socket) => void): Server {
  if (!tls) return createServer(onSocket)
  const server = createTlsServer(tls, (socket: TLSSocket) => onSocket(socket))
  // A handshake that fails is the caller's business.
  server.on('tlsClientError', () => {})
  return server
}

type Recording = {
  text: string
  requests: UpstreamRequest[]
  closed: boolean
  readonly socket: Socket
}

function accept(upstream: Upstream, open: Set<Recording>, socket: Socket): void {
  const connection: Recording = { text: '', closed: false, requests: [], socket }
  const state = { unread: '', headSeen: false, tunnel: false, answering: false }
  upstream.connections.push(connection)
  open.add(connection)
  socket.on('error', () => {})
  socket.on('close', () => {
    connection.closed = true
    open.delete(connection)
  })
  socket.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1')
    connection.text += text
    if (state.tunnel) return upstream.onTunnel(chunk, socket)
    state.unread += text
    void next()
  })

  async function next(): Promise<void> {
    if (state.answering) return
    const parsed = parseRequest(state.unread)
    if (parsed === undefined) return
    const { request, complete } = parsed
    if (!state.headSeen) upstream.onHead?.(request, socket)
    state.headSeen = !complete
    if (!complete) return
    state.unread = state.unread.slice(request.raw.length)
    connection.requests.push(request)
    upstream.requests.push(request)
    state.answering = true
    const bytes = await upstream.answer(request, socket)
    state.answering = false
    if (bytes !== undefined) write(bytes)
    if (!state.tunnel) await next()
  }

  function write(bytes: NonNullable<Reply>): void {
    if (socket.destroyed) return
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'latin1')
    socket.write(buffer)
    const head = splitHead(buffer.toString('latin1'))
    if (head === undefined) return
    state.tunnel = head.line.split(' ')[1] === '101'
    if (headerValues(head.headers, 'connection').some(value => /close/i.test(value))) socket.end()
  }
}

function parseRequest(text: string): { request: UpstreamRequest; complete: boolean } | undefined {
  const head = splitHead(text)
  if (head === undefined) return undefined
  const [method = '', target = '', version = ''] = head.line.split(' ')
  const body = requestBody(head.headers, text.slice(head.length))
  const request = {
    method,
    target,
    version,
    headers: head.headers,
    body: Buffer.from(body.text, 'latin1'),
    trailers: body.trailers,
    raw: text.slice(0, head.length + body.length),
  }
  return { request, complete: body.complete }
}

function requestBody(headers: HeaderList, text: string): Body {
  if (headerValues(headers, 'transfer-encoding').length > 0) return readChunks(text)
  return readLength(text, Number(headerValues(headers, 'content-length')[0] ?? 0))
}
