import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Admission, gate, resourceOf, type VerifyToken } from '../gate.ts'
import type { Permit, RawRequest } from '../model.ts'
import { type Denial, isDenial } from '../policy/denial.ts'
import { upstreamRequest } from '../policy/headers.ts'
import type { Policy } from '../policy/policy.ts'
import { callersRequestId } from '../policy/request.ts'
import { forwardHttp } from '../upstream/http.ts'
import type { Pools } from '../upstream/pool.ts'
import { lingerOn } from './linger.ts'
import type { Log } from './log.ts'
import { resourceMetadata } from './metadata.ts'
import type { Metrics } from './metrics.ts'
import { type Answer, hasOrigin, problem } from './problem.ts'
import type { Recorder, RequestRecord } from './record.ts'

/** A policy in service, with what verifies tokens for it. */
export interface Service {
  readonly policy: Policy
  readonly verifyToken: VerifyToken
}

export interface EdgeTools {
  /** The service in force; a request keeps the one that it began with. */
  readonly current: () => Service
  /** Whether connections are to close with their next answer. */
  readonly draining: () => boolean
  readonly pools: Pools
  readonly log: Log
  readonly metrics: Metrics
  readonly record: Recorder
}

export const rawRequestOf = (incoming: IncomingMessage): RawRequest => ({
  method: incoming.method ?? '',
  target: incoming.url ?? '',
  httpVersion: incoming.httpVersion,
  headers: incoming.rawHeaders,
  peer: incoming.socket.remoteAddress ?? '',
  encrypted: 'encrypted' in incoming.socket,
})

export const beginRecord = ({ method, headers }: RawRequest): RequestRecord => ({
  requestId: callersRequestId(headers) ?? randomUUID(),
  method,
  startedAt: performance.now(),
  status: 0,
})

/** One request, from the parser to the last byte of its answer. */
export function handleRequest(
  tools: EdgeTools,
  incoming: IncomingMessage,
  response: ServerResponse,
): void {
  const raw = rawRequestOf(incoming)
  const record = beginRecord(raw)
  const { policy, verifyToken } = tools.current()
  // Who asked whether to go on and was refused may send the body or not: nobody can tell what follows.
  let waitsForContinue =
    raw.httpVersion === '1.1' && /^100-continue$/i.test(incoming.headers.expect ?? '')
  // Node does not read on behind an upgrade that was not taken up.
  const refusedUpgrade = incoming.headers.upgrade !== undefined
  tools.metrics.inFlight.inc()
  response.once('finish', () => lingerOn(incoming))
  response.once('close', () => {
    tools.metrics.inFlight.dec()
    if (!response.writableFinished) record.aborted = true
    record.status = response.headersSent ? response.statusCode : 499
    tools.record(record)
  })

  const closeIfLast = () => {
    if (tools.draining() || waitsForContinue || refusedUpgrade) response.shouldKeepAlive = false
  }
  const answer = ({ status, headers, body }: Answer) => {
    if (response.destroyed) return
    closeIfLast()
    response.writeHead(status, [...headers])
    response.end(body)
  }
  const refuse = (denial: Denial) => {
    noteDenial(record, denial)
    answer(problem(denial, record.requestId, hasOrigin(raw.headers)))
  }
  const proceed = (verdict: Admission | Denial) => {
    if (isDenial(verdict)) return refuse(verdict)
    if (verdict.kind === 'forward') return forward(verdict.permit, verdict.request)
    const resource = resourceOf(verdict.request)
    return answer(resourceMetadata(resource, policy, verdict.host, record.requestId))
  }
  const forward = (permit: Permit, request: Extract<Admission, { kind: 'forward' }>['request']) => {
    noteRoute(record, permit)
    const { upstream } = permit.route.dataSource
    const origin = tools.pools.nextOrigin(upstream)
    const outgoing = upstreamRequest(permit, request, origin, record.requestId)
    if (isDenial(outgoing)) return refuse(outgoing)
    if (waitsForContinue) response.writeContinue()
    waitsForContinue = false
    record.sentAt = performance.now()
    return forwardHttp(tools.pools.poolFor(upstream, origin), {
      permit,
      request,
      outgoing,
      incoming,
      response,
      requestId: record.requestId,
      bodyIdle: policy.limits.bodyIdle,
      onHead: () => {
        record.headAt ??= performance.now()
        closeIfLast()
      },
      onDenied: refuse,
      onBroken: cause => {
        record.cause = cause
      },
    })
  }
  const broken = (error: unknown) => {
    tools.log.error({ requestId: record.requestId, error: String(error) }, 'request failed')
    response.destroy()
  }

  try {
    const verdict = gate(policy, raw, verifyToken)
    if (verdict instanceof Promise) verdict.then(proceed).catch(broken)
    else proceed(verdict)
  } catch (error) {
    broken(error)
  }
}

/** What a permit tells the log. */
export function noteRoute(record: RequestRecord, { route, token }: Permit): void {
  record.route = route
  if (token) record.token = token
}

export function noteDenial(record: RequestRecord, denial: Denial): void {
  record.code = denial.denied
  if (denial.route) record.route = denial.route
  if (denial.token) record.token = denial.token
  if (denial.cause !== undefined) record.cause = denial.cause
}
