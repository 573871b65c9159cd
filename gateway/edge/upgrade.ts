import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { resourceOf } from '../gate.ts'
import { type Denial, isDenial, statusOf } from '../policy/denial.ts'
import type { Policy } from '../policy/policy.ts'
import { forwardWebSocket } from '../upstream/websocket.ts'
import { Attempts, type Forward, type Sender } from './attempts.ts'
import type { EdgeTools } from './conversation.ts'
import { closeAt } from './expiry.ts'
import { rawRequestOf } from './http1-request.ts'
import { destroyLater } from './linger.ts'
import { resourceMetadata } from './metadata.ts'
import { type Answer, hasOrigin, problem, rawAnswer } from './problem.ts'
import { beginRecord, CLIENT_CLOSED, noteDenial, type RequestRecord } from './record.ts'
import { type Asking, type Verdict, withVerdict } from './verdict.ts'

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
  const record = beginRecord(raw, tools.tracing)
  recordEnd(tools, record, socket)
  const refuse = (denial: Denial) => {
    noteDenial(record, denial)
    record.status = statusOf(denial)
    endWith(socket, problem(denial, record.requestId, hasOrigin(raw.headers)))
  }
  const giveUp = () => socket.destroy()
  withVerdict(tools, { raw, record, incoming, socket, head, refuse, giveUp }, proceed)
}

function proceed(tools: EdgeTools, asking: Upgrading, verdict: Verdict, policy: Policy): void {
  const { record, socket, refuse } = asking
  if (isDenial(verdict)) {
    refuse(verdict)
  } else if (verdict.kind === 'forward') {
    carry(tools, policy, verdict, asking)
  } else {
    const resource = resourceOf(verdict.request)
    record.status = 200
    endWith(socket, resourceMetadata(resource, policy, verdict.host, record.requestId))
  }
}

/** Writes a record when its connection has closed. Apart, since that may take days: it holds nothing else. */
function recordEnd(
  { metrics, record: write }: EdgeTools,
  record: RequestRecord,
  socket: Socket,
): void {
  metrics.inFlight.requests += 1
  socket.on('close', () => {
    metrics.inFlight.requests -= 1
    if (record.status === 0) record.aborted = true
    write({ ...record, status: record.status || CLIENT_CLOSED })
  })
  // Node leaves it half open: a caller that says no more does not wait for the answer.
  socket.on('end', () => {
    if (record.status === 0) socket.destroy()
  })
}

interface Upgrading extends Asking {
  readonly incoming: IncomingMessage
  readonly socket: Socket
  readonly head: Buffer
  readonly refuse: (denial: Denial) => void
}

/** Carries a permitted WebSocket to its upstream. */
function carry(
  { upstreams }: EdgeTools,
  { issuer }: Policy,
  verdict: Forward,
  { record, incoming, socket, head, refuse }: Upgrading,
): void {
  const { permit } = verdict
  const common = {
    permit,
    incoming,
    socket,
    head,
    requestId: record.requestId,
    closeAt: closeAt(permit, 'webSockets', issuer.clockTolerance),
    onHead: (status: number) => {
      record.headAt = performance.now()
      record.status = status
    },
    onDenied: refuse,
    onClosed: causeOf(record),
  }
  const send: Sender['send'] = (target, outgoing, attempts) =>
    forwardWebSocket(target, {
      ...common,
      outgoing,
      onUnreachable: () => attempts.onUnreachable(),
      onDone: attempts.lastingOnDone(),
    })
  new Attempts(verdict, { record, caller: socket, refuse, send }, upstreams).begin()
}

const causeOf = (record: RequestRecord) => (cause: string) => {
  record.cause = cause
}

/** Answers on a bare socket and ends it; reads on for a moment, so that the answer is not reset away. */
export function endWith(socket: Socket, answer: Answer): void {
  if (!socket.writable) return
  // Its length was counted in UTF-8, whatever the encoding of the socket has become.
  socket.end(rawAnswer(answer), 'utf8')
  socket.resume()
  destroyLater(socket)
}
