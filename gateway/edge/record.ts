import { randomUUID } from 'node:crypto'
import { METHODS, STATUS_CODES } from 'node:http'
import type { DataSource, Permit, RawRequest, Route, VerifiedToken } from '../model.ts'
import type { Denial, DenyReason } from '../policy/denial.ts'
import type { Policy } from '../policy/policy.ts'
import { callersRequestId } from '../policy/request.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { type Refusal, refusalOf } from './refusals.ts'
import { isSampled } from './sample.ts'
import { count, countShadow, observe } from './series.ts'
import type { RequestTrace, Tracing } from './trace.ts'

/** What is known of one request when it ends: for its log line and its counters. */
export interface RequestRecord {
  readonly requestId: string
  readonly method: string
  /** Milliseconds of `performance.now()`. */
  readonly startedAt: number
  status: number
  dataSource: DataSource | undefined
  route: Route | undefined
  token: VerifiedToken | undefined
  /** `undefined`: allowed. */
  code: DenyReason | undefined
  /** What the caller was told, where it was refused. */
  detail: string | undefined
  /** What it would have been refused for, but for `enforce: false`. */
  shadow: DenyReason | undefined
  /** Milliseconds of `performance.now()`. */
  sentAt: number | undefined
  headAt: number | undefined
  /** For the operator: why the upstream failed, which claim could not be written. */
  cause: string | undefined
  /** The caller left before the end of the answer. */
  aborted: true | undefined
  /** Where traces are asked for. */
  readonly trace: RequestTrace | undefined
}

/** For the log: the caller left before there was an answer. */
export const CLIENT_CLOSED = 499

/** With room for all that may be noted: what is added later costs V8 a second object. */
export function beginRecord(raw: RawRequest, tracing: Tracing | undefined): RequestRecord {
  const startedAt = performance.now()
  return {
    requestId: callersRequestId(raw.headers) ?? randomUUID(),
    method: raw.method,
    startedAt,
    status: 0,
    dataSource: undefined,
    route: undefined,
    token: undefined,
    code: undefined,
    detail: undefined,
    shadow: undefined,
    sentAt: undefined,
    headAt: undefined,
    cause: undefined,
    aborted: undefined,
    trace: tracing?.begin(raw, startedAt),
  }
}

/** What a permit tells the log. */
export function noteRoute(record: RequestRecord, { route, token, shadowed }: Permit): void {
  record.route = route
  record.token = token ?? record.token
  record.shadow = shadowed?.denied ?? record.shadow
}

export function noteDenial(record: RequestRecord, denial: Denial): void {
  record.code = denial.denied
  record.detail = denial.detail
  record.route = denial.route ?? record.route
  record.token = denial.token ?? record.token
  record.cause = denial.cause ?? record.cause
}

const KNOWN_METHODS = new Set(METHODS)

/** Writes the one line and the counters of a request (contract 7); nothing in them is a caller's choice. */
export function recorder(
  log: Log,
  metrics: Pick<Metrics, 'series'>,
  rules: () => Policy['log'],
  onRefused: (refusal: Refusal) => void,
) {
  return (record: RequestRecord): void => {
    const { status, code, shadow, route, trace } = record
    const { sample, userid } = rules()
    const told = tell(record, userid)
    const { method, durationMs, upstreamMs } = told
    writeLine(log, told, sample)
    trace?.end(told)
    const counted = String(status) in STATUS_CODES || status === 499 ? status : 'other'
    const series = metrics.series.of(route, record.dataSource)
    count(series, { method, status: counted, code: code ?? '' })
    if (shadow !== undefined) countShadow(series, shadow)
    observe(series.duration, durationMs / 1000)
    if (upstreamMs !== undefined) observe(series.upstream, upstreamMs / 1000)
    if (code !== undefined) onRefused(refusalOf(record, code, method))
  }
}

type Told = ReturnType<typeof tell>

/** What there is to tell of a request that has ended; of it a span takes what `Traced` names. */
function tell(record: RequestRecord, userid: boolean) {
  const { requestId, route, method, status, code, shadow, token, cause, aborted } = record
  const { startedAt, sentAt, headAt } = record
  const principal = token?.principal
  return {
    requestId,
    dataSource: (route?.dataSource ?? record.dataSource)?.id,
    route: route?.pattern,
    method: KNOWN_METHODS.has(method) ? method : 'other',
    status,
    decision: code === undefined ? ('allow' as const) : ('deny' as const),
    code,
    shadow,
    clientId: principal?.clientId,
    principal: principal?.kind,
    userId: userid && principal?.kind === 'user' ? principal.userId : undefined,
    durationMs: round(performance.now() - startedAt),
    upstreamMs: sentAt === undefined || headAt === undefined ? undefined : round(headAt - sentAt),
    cause,
    aborted,
  }
}

/**
 * Only lines of requests that went well are left out. A refusal that is not the caller's doing (the API, the
 * issuer, a claim) is a warning: whoever hides what is said of every request still sees why some fail.
 */
function writeLine(log: Log, told: Told, sample: number): void {
  const { requestId, code, shadow, status, aborted } = told
  const wentWell = code === undefined && shadow === undefined && status < 500 && !aborted
  if (!wentWell || sample === 1) {
    if (code !== undefined && status >= 500) log.warn(told, 'request')
    else log.info(told, 'request')
  } else if (isSampled(requestId, sample)) {
    log.info({ ...told, sample }, 'request')
  }
}

export type Recorder = ReturnType<typeof recorder>

/** Milliseconds with three decimals. */
const round = (ms: number) => Math.round(ms * 1000) / 1000
