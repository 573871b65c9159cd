import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { createProxyServer } from 'http-proxy-3'
import type { Permit, UpstreamRequest } from '../model.ts'
import type { Denial } from '../policy/denial.ts'
import { timer } from '../timer.ts'
import { passOnDeclined } from './declined.ts'
import { endTogether } from './end-together.ts'
import { UpstreamFault, upstreamDenial } from './faults.ts'
import type { Target } from './targets.ts'
import { agentFor } from './tls.ts'
import { cleanAnswer, writeRequest } from './upgrade-heads.ts'

export interface Upgrade {
  /** Proof that the request may be sent: nothing is forwarded without it. */
  readonly permit: Permit
  readonly outgoing: UpstreamRequest
  readonly incoming: IncomingMessage
  readonly socket: Socket
  /** What the caller sent behind its request. */
  readonly head: Buffer
  readonly requestId: string
  /** When the WebSocket is closed, in milliseconds since the epoch. */
  readonly closeAt: number | undefined
  /** The status of the upstream's answer: 101, or what it said instead. */
  readonly onHead: (status: number) => void
  /** No connection came about, so nothing was sent; `true` where another origin is tried instead. */
  readonly onUnreachable: () => boolean
  /** Nothing has been answered yet, and this is why nothing of the upstream will be. */
  readonly onDenied: (denial: Denial) => void
  /** The gateway closes the WebSocket, and this is why. */
  readonly onClosed: (cause: string) => void
  /** The connection to the upstream is gone, and no other takes its place. */
  readonly onDone: () => void
}

/**
 * Carries a WebSocket (RFC 6455) to its upstream and back with http-proxy-3, which is used for
 * nothing else: it opens the connection and joins the sockets. Path and headers are written here,
 * since http-proxy-3 would run the path through `new URL` and fold duplicate headers.
 */
export function forwardWebSocket(target: Target, upgrade: Upgrade): void {
  const { outgoing, incoming, socket, head } = upgrade
  const proxy = createProxyServer({
    target: outgoing.origin.origin,
    ...(target.identity && { agent: agentFor(target.identity) }),
  })
  target.begins()
  let failed = (error: Error) => upgrade.onDenied(upstreamDenial(error))
  proxy.on('proxyReqWs', proxyRequest => {
    writeRequest(proxyRequest, outgoing)
    proxyRequest.once('close', target.ended)
    failed = awaitAnswer(proxyRequest, target, upgrade)
  })
  const onError = (error: Error) => failed(error)
  proxy.on('error', onError)
  // It writes the head of the answer as a string; values of headers are latin1.
  socket.setDefaultEncoding('latin1')
  // It reads these two; the request that is sent has its own.
  incoming.url = '/'
  incoming.headers = { connection: 'Upgrade', upgrade: 'websocket' }
  proxy.ws(incoming, socket, head, {}, onError)
}

/** @returns what a failure of the connection to the upstream is told */
function awaitAnswer(proxyRequest: ClientRequest, target: Target, upgrade: Upgrade) {
  const { permit, incoming, socket, requestId, onHead, onDenied, onDone } = upgrade
  const { connectTimeout, timeout, idleTimeout } = permit.route.dataSource.upstream
  const late = timer(() => proxyRequest.destroy(new UpstreamFault('timeout', 'no answer in time')))
  let answered = false
  let connected = false
  let goesOn = false
  let declined: IncomingMessage | undefined

  const begin = (status: number) => {
    answered = true
    late.stop()
    target.succeeded()
    onHead(status)
  }
  const failed = (error: Error) => {
    // It may be the caller's own connection that has failed.
    if (socket.destroyed) return
    if (answered) {
      // Half an answer that only the end of the connection delimits must not look whole.
      if (!goesOn && !declined?.complete) socket.destroy()
      return
    }
    answered = true
    const denial = upstreamDenial(error)
    target.failed(connected ? 'unanswered' : 'unreachable', denial.cause ?? '')
    goesOn = !connected && upgrade.onUnreachable()
    if (!goesOn) onDenied(denial)
  }
  late.start(connectTimeout)
  // Node drops what is beyond this without a word.
  proxyRequest.maxHeadersCount = 0
  proxyRequest.once('close', () => {
    late.stop()
    if (!goesOn) onDone()
  })
  proxyRequest.once('socket', (outgoing: Socket) => {
    outgoing.once(target.identity ? 'secureConnect' : 'connect', () => {
      connected = true
      late.start(timeout)
    })
  })
  // Before http-proxy-3 has its own listener, which writes the answer to the caller.
  proxyRequest.once('upgrade', (answer, upstreamSocket: Socket) => {
    begin(101)
    goesOn = true
    target.begins()
    upstreamSocket.once('close', () => {
      target.ended()
      onDone()
    })
    cleanAnswer(answer, requestId)
    endTogether(socket, upstreamSocket, upgrade)
  })
  // And instead of its own, which it adds after this event: one knows no back-pressure, the other
  // ends the caller's connection, which another origin may still serve.
  queueMicrotask(() => {
    proxyRequest.removeAllListeners('response')
    proxyRequest.removeAllListeners('error')
    proxyRequest.on('error', failed)
    proxyRequest.once('response', answer => {
      try {
        passOnDeclined(incoming, socket, answer, requestId, idleTimeout)
        declined = answer
        begin(answer.statusCode ?? 0)
      } catch (error) {
        answer.destroy()
        failed(error as Error)
      }
    })
  })
  socket.once('close', () => {
    proxyRequest.destroy()
    // Which does nothing where the whole answer is there, and nobody will read it.
    if (!goesOn) proxyRequest.socket?.destroy()
  })
  return failed
}
