import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Permit, UpstreamRequest } from '../model.ts'
import type { Denial } from '../policy/denial.ts'
import { timer } from '../timer.ts'
import { answerHeaders } from './answer-headers.ts'
import { passOnDeclined } from './declined.ts'
import { UpstreamFault, upstreamDenial } from './faults.ts'
import type { Target } from './targets.ts'
import { agentFor } from './tls.ts'
import { tunnel } from './tunnel.ts'
import { sendUpgrade } from './upgrade-request.ts'

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
  /** The gateway closes the WebSocket, and this is why. Held as long as it is open. */
  readonly onClosed: (cause: string) => void
  /** The connection to the upstream is gone, and no other takes its place. Held as long as it is open. */
  readonly onDone: () => void
}

/** Carries a WebSocket (RFC 6455) to its upstream and back, or the answer of one that declines it. */
export function forwardWebSocket(target: Target, upgrade: Upgrade): void {
  const { outgoing, incoming, onDenied, onDone } = upgrade
  let request: ClientRequest
  try {
    request = sendUpgrade(incoming, outgoing, target.identity && agentFor(target.identity))
  } catch (error) {
    // It cannot be written: told as everything else that goes wrong, and its place given back.
    onDone()
    onDenied(upstreamDenial(error instanceof Error ? error : new Error(String(error))))
    return
  }
  follow(request, target, upgrade)
}

/** What comes of an upgrade that is on its way. */
function follow(request: ClientRequest, target: Target, upgrade: Upgrade): void {
  const { permit, incoming, socket, requestId, onHead, onDenied, onDone } = upgrade
  const { connectTimeout, timeout, idleTimeout } = permit.route.dataSource.upstream
  const late = timer(() => request.destroy(new UpstreamFault('timeout', 'no answer in time')))
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
  const leave = () => {
    request.destroy()
    // Which does nothing where the whole answer is there, and nobody will read it.
    request.socket?.destroy()
  }
  target.begins()
  late.start(connectTimeout)
  socket.once('close', leave)
  request.on('error', failed)
  request.once('close', () => {
    late.stop()
    target.ended()
    if (goesOn) socket.off('close', leave)
    else onDone()
  })
  request.once('socket', upstreamSocket => {
    upstreamSocket.once(target.identity ? 'secureConnect' : 'connect', () => {
      connected = true
      late.start(timeout)
    })
  })
  request.once('upgrade', (answer, upstreamSocket, rest) => {
    goesOn = true
    begin(101)
    join(target, upgrade, upstreamSocket, takenUp(answer, requestId), rest)
  })
  request.once('response', answer => {
    try {
      passOnDeclined(incoming, socket, answer, requestId, idleTimeout)
      declined = answer
      begin(answer.statusCode ?? 0)
    } catch (error) {
      answer.destroy()
      failed(error as Error)
    }
  })
}

/** Apart from the handshake, so that nothing of that is held by what listens as long as the WebSocket is open. */
function join(
  target: Target,
  { socket, head, closeAt, onClosed, onDone }: Upgrade,
  upstreamSocket: Socket,
  answer: string,
  rest: Buffer,
): void {
  target.begins()
  socket.write(answer, 'latin1')
  if (rest.length > 0) socket.write(rest)
  if (head.length > 0) socket.unshift(head)
  const whenDone = () => {
    target.ended()
    onDone()
  }
  tunnel(socket, upstreamSocket, { closeAt, onClosed, onDone: whenDone })
}

function takenUp({ rawHeaders }: IncomingMessage, requestId: string): string {
  const all = answerHeaders(rawHeaders, requestId)
  let head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
  for (let i = 0; i < all.length; i += 2) {
    const name = all[i] as string
    // What follows has none, whatever was said.
    if (name.toLowerCase() !== 'content-length') head += `${name}: ${all[i + 1]}\r\n`
  }
  return `${head}\r\n`
}
