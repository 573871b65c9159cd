import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { createProxyServer } from 'http-proxy-3'
import type { Permit, UpstreamRequest } from '../model.ts'
import type { Denial } from '../policy/denial.ts'
import { timer, timerLimit } from '../timer.ts'
import { answerHeaders } from './answer-headers.ts'
import { passOnDeclined } from './declined.ts'
import { upstreamDenial } from './faults.ts'

export interface Upgrade {
  /** Proof that the request may be sent: nothing is forwarded without it. */
  readonly permit: Permit
  readonly outgoing: UpstreamRequest
  readonly incoming: IncomingMessage
  readonly socket: Socket
  /** What the caller sent behind its request. */
  readonly head: Buffer
  readonly requestId: string
  /** The status of the upstream's answer: 101, or what it said instead. */
  readonly onHead: (status: number) => void
  /** Nothing has been answered yet, and this is why nothing of the upstream will be. */
  readonly onDenied: (denial: Denial) => void
}

/**
 * Carries a WebSocket (RFC 6455) to its upstream and back with http-proxy-3, which is used for
 * nothing else: it opens the connection and joins the sockets. Path and headers are written by this
 * file, since http-proxy-3 would run the path through `new URL` and fold duplicate headers.
 */
export function forwardWebSocket(upgrade: Upgrade): void {
  const { permit, outgoing, incoming, socket, head, requestId, onHead, onDenied } = upgrade
  // The caller may have left while its token was verified; nothing would close the tunnel then.
  if (socket.destroyed) return
  const { connectTimeout, timeout, idleTimeout } = permit.route.dataSource.upstream
  const proxy = createProxyServer({
    target: outgoing.origin.origin,
    connectTimeout: timerLimit(connectTimeout),
  })
  let answered = false

  proxy.on('proxyReqWs', proxyRequest => {
    writeRequest(proxyRequest, outgoing)
    const late = timer(() => proxyRequest.destroy(new Error('timeout')))
    late.start(timeout)
    const begin = (status: number) => {
      answered = true
      late.stop()
      onHead(status)
    }
    // Before http-proxy-3 has its own listener, which writes the answer to the caller.
    proxyRequest.once('upgrade', answer => {
      begin(101)
      cleanAnswer(answer, requestId)
    })
    // And instead of its own, which it adds after this event: that one knows no back-pressure.
    queueMicrotask(() => {
      proxyRequest.removeAllListeners('response')
      proxyRequest.once('response', answer => {
        try {
          passOnDeclined(incoming, socket, answer, requestId, idleTimeout)
          begin(answer.statusCode ?? 0)
        } catch (error) {
          answer.destroy()
          failed(error as Error)
        }
      })
    })
    proxyRequest.once('close', () => late.stop())
    socket.once('close', () => proxyRequest.destroy())
  })
  const failed = (error: Error) => {
    if (!answered) onDenied(upstreamDenial(error))
    answered = true
  }
  proxy.on('error', failed)
  // It writes the head of the answer as a string; values of headers are latin1.
  socket.setDefaultEncoding('latin1')
  // It reads these two; the request that is sent has its own.
  incoming.url = '/'
  incoming.headers = { connection: 'Upgrade', upgrade: 'websocket' }
  proxy.ws(incoming, socket, head, {}, failed)
}

function writeRequest(proxyRequest: ClientRequest, { target, headers }: UpstreamRequest): void {
  proxyRequest.path = target
  for (const name of proxyRequest.getHeaderNames()) proxyRequest.removeHeader(name)
  for (let i = 0; i < headers.length; i += 2) {
    proxyRequest.appendHeader(headers[i] as string, headers[i + 1] as string)
  }
  proxyRequest.setHeader('Connection', 'Upgrade')
  proxyRequest.setHeader('Upgrade', 'websocket')
}

/** http-proxy-3 writes what it finds in `headers`: all values of each name, those for this hop aside. */
function cleanAnswer(answer: IncomingMessage, requestId: string): void {
  const list = answerHeaders(answer.rawHeaders, requestId)
  const headers: Record<string, string[]> = {}
  for (let i = 0; i < list.length; i += 2) {
    const name = (list[i] as string).toLowerCase()
    headers[name] = [...(headers[name] ?? []), list[i + 1] as string]
  }
  const { 'content-length': _none, ...others } = headers
  answer.headers = {
    ...others,
    connection: 'Upgrade',
    upgrade: 'websocket',
  } as typeof answer.headers
}
