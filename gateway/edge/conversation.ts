import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type Admission, gate, type TokenTools } from '../gate.ts'
import type { Permit, RawRequest } from '../model.ts'
import { type Denial, isDenial } from '../policy/denial.ts'
import type { Policy } from '../policy/policy.ts'
import { callersRequestId } from '../policy/request.ts'
import type { CallerBody, CallerResponse } from '../upstream/caller.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { Exchanges } from './exchanges.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { type Answer, hasOrigin, problem } from './problem.ts'
import type { Recorder, RequestRecord } from './record.ts'
import type { Tracing } from './trace.ts'

/** A policy in service, with what verifies and exchanges tokens for it. */
export interface Service {
  readonly policy: Policy
  readonly tokens: TokenTools
  readonly exchanges: Exchanges
}

export interface EdgeTools {
  /** The service in force; a request keeps the one that it began with. */
  readonly current: () => Service
  /** Whether connections are to close with their next answer. */
  readonly draining: () => boolean
  readonly upstreams: Upstreams
  readonly log: Log
  readonly metrics: Metrics
  readonly record: Recorder
  /** Where traces are asked for. */
  readonly tracing: Tracing | undefined
}

/** One request as it comes, and where its answer goes. */
export interface Caller {
  readonly raw: RawRequest
  readonly incoming: CallerBody
  readonly response: CallerResponse
  /** Waits with its body until it is told to go on (`Expect: 100-continue`). */
  readonly waits: boolean
  /** Whether further requests of the same connection wait for the answer to this one. */
  readonly hasMore: () => boolean
}

/** One request and its answer, with what is written down about them. */
export interface Conversation extends Omit<Caller, 'waits' | 'hasMore'> {
  readonly record: RequestRecord
  readonly answer: (answer: Answer) => void
  readonly refuse: (denial: Denial) => void
  /** Tells a caller that asked (`Expect: 100-continue`) to send its body. */
  readonly sayContinue: () => void
  /** To be called before any head of an answer is written. */
  readonly beforeHead: () => void
}

export function openConversation(
  { metrics, record: write, draining, tracing }: EdgeTools,
  { raw, incoming, response, waits, hasMore }: Caller,
): Conversation {
  const record = beginRecord(raw, tracing)
  let asksToContinue = waits

  metrics.inFlight.requests += 1
  response.on('close', () => {
    metrics.inFlight.requests -= 1
    if (!response.writableFinished) record.aborted = true
    record.status = response.headersSent ? response.statusCode : CLIENT_CLOSED
    write(record)
  })

  const beforeHead = () => {
    // What came before the signal is answered: the last of it closes the connection.
    if (draining() && !hasMore()) response.shouldKeepAlive = false
    // Who asked and was refused may send the body or not: nobody can tell what would follow.
    if (asksToContinue) response.shouldKeepAlive = false
  }
  const answer = ({ status, headers, body }: Answer) => {
    if (response.destroyed) return
    beforeHead()
    response.writeHead(status, [...headers])
    response.end(body)
  }
  const refuse = (denial: Denial) => {
    noteDenial(record, denial)
    answer(problem(denial, record.requestId, hasOrigin(raw.headers)))
  }
  const sayContinue = () => {
    if (asksToContinue) response.writeContinue()
    asksToContinue = false
  }
  return { raw, record, incoming, response, answer, refuse, sayContinue, beforeHead }
}

/** Asks the gate and goes on with its verdict, at once or later; a fault of ours ends the request. */
export function withVerdict(
  { log, current }: EdgeTools,
  raw: RawRequest,
  record: RequestRecord,
  proceed: (verdict: Verdict, policy: Policy) => void,
  giveUp: () => void,
): void {
  const { policy, tokens, exchanges } = current()
  const broken = (error: unknown) => {
    log.error({ requestId: record.requestId, error: String(error) }, 'request failed')
    giveUp()
  }
  try {
    const verdict = soon(gate(policy, raw, tokens), verdict => withApiToken(verdict, exchanges))
    if (verdict instanceof Promise) verdict.then(later => proceed(later, policy)).catch(broken)
    else proceed(verdict, policy)
  } catch (error) {
    broken(error)
  }
}

/** What the gate said, and the token that the API gets of its own. */
export type Verdict = (Admission & { readonly apiToken?: string }) | Denial

function withApiToken(
  verdict: Admission | Denial,
  { apiTokenFor }: Exchanges,
): Verdict | Promise<Verdict> {
  if (isDenial(verdict) || verdict.kind !== 'forward' || !verdict.permit.token) return verdict
  const { route, token } = verdict.permit
  return soon(apiTokenFor(route.dataSource, token), apiToken => {
    if (apiToken === undefined) return verdict
    return isDenial(apiToken) ? { ...apiToken, route, token } : { ...verdict, apiToken }
  })
}

/** Now where the value is there already: most requests wait for nothing. */
const soon = <T, U>(value: T | Promise<T>, then: (value: T) => U | Promise<U>): U | Promise<U> =>
  value instanceof Promise ? value.then(then) : then(value)

/** For the log: the caller left before there was an answer. */
export const CLIENT_CLOSED = 499

export const rawRequestOf = (incoming: IncomingMessage): RawRequest => ({
  method: incoming.method ?? '',
  target: incoming.url ?? '',
  httpVersion: incoming.httpVersion,
  headers: incoming.rawHeaders,
  peer: incoming.socket.remoteAddress ?? '',
  encrypted: 'encrypted' in incoming.socket,
})

export function beginRecord(raw: RawRequest, tracing: Tracing | undefined): RequestRecord {
  const startedAt = performance.now()
  return {
    requestId: callersRequestId(raw.headers) ?? randomUUID(),
    method: raw.method,
    startedAt,
    status: 0,
    trace: tracing?.begin(raw, startedAt),
  }
}

/** What a permit tells the log. */
export function noteRoute(record: RequestRecord, { route, token, shadowed }: Permit): void {
  record.route = route
  if (token) record.token = token
  if (shadowed) record.shadow = shadowed.denied
}

export function noteDenial(record: RequestRecord, denial: Denial): void {
  record.code = denial.denied
  record.detail = denial.detail
  if (denial.route) record.route = denial.route
  if (denial.token) record.token = denial.token
  if (denial.cause !== undefined) record.cause = denial.cause
}
