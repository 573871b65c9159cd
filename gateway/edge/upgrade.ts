import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type Admission, resourceOf } from '../gate.ts'
import type { Origin } from '../model.ts'
import { type Denial, isDenial, statusOf } from '../policy/denial.ts'
import { upstreamRequest } from '../policy/headers.ts'
import type { Policy } from '../policy/policy.ts'
import { forwardWebSocket } from '../upstream/websocket.ts'
import {
  beginRecord,
  CLIENT_CLOSED,
  type EdgeTools,
  noteDenial,
  noteRoute,
  rawRequestOf,
  withVerdict,
} from './conversation.ts'
import { resourceMetadata } from './metadata.ts'
import { type Answer, hasOrigin, problem, rawAnswer } from './problem.ts'

/**
 * Requests whose connection has left HTTP: upgrades to WebSocket, which go through the same gate and
 * carry the same headers as any GET, and CONNECT, which the gate refuses.
 */
export function handleUpgrade(
  tools: EdgeTools,
  incoming: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  const raw = rawRequestOf(incoming)
  const record = beginRecord(raw)
  tools.metrics.inFlight.inc()
  socket.once('close', () => {
    tools.metrics.inFlight.dec()
    if (record.status === 0) record.aborted = true
    tools.record({ ...record, status: record.status || CLIENT_CLOSED })
  })

  const refuse = (denial: Denial) => {
    noteDenial(record, denial)
    record.status = statusOf(denial)
    endWith(socket, problem(denial, record.requestId, hasOrigin(raw.headers)))
  }
  const proceed = (verdict: Admission | Denial, policy: Policy) => {
    if (isDenial(verdict)) return refuse(verdict)
    if (verdict.kind === 'metadata') {
      const resource = resourceOf(verdict.request)
      record.status = 200
      return endWith(socket, resourceMetadata(resource, policy, verdict.host, record.requestId))
    }
    const { permit, request } = verdict
    noteRoute(record, permit)
    const origin = tools.pools.nextOrigin(permit.route.dataSource.upstream) as Origin
    const outgoing = upstreamRequest(permit, request, origin, record.requestId)
    if (isDenial(outgoing)) return refuse(outgoing)
    record.sentAt = performance.now()
    const { requestId } = record
    return forwardWebSocket({
      permit,
      outgoing,
      incoming,
      socket,
      head,
      requestId,
      onHead: status => {
        record.headAt = performance.now()
        record.status = status
      },
      onDenied: denial => {
        if (denial.denied === 'upstream_unavailable') tools.pools.rest(origin)
        refuse(denial)
      },
    })
  }
  withVerdict(tools, raw, record, proceed, () => socket.destroy())
}

/** Milliseconds for which a caller may go on before an answered connection is closed. */
const LINGER = 1_000

/** Answers on a bare socket and ends it; reads on for a moment, so that the answer is not reset away. */
export function endWith(socket: Socket, answer: Answer): void {
  if (!socket.writable) return
  // Its length was counted in UTF-8, whatever the encoding of the socket has become.
  socket.end(rawAnswer(answer), 'utf8')
  socket.resume()
  setTimeout(() => socket.destroy(), LINGER).unref()
}
