import { METHODS, STATUS_CODES } from 'node:http'
import type { DataSource, Route, VerifiedToken } from '../model.ts'
import type { DenyReason } from '../policy/denial.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { type Refusal, refusalOf } from './refusals.ts'

/** What is known of one request when it ends: for its log line and its counters. */
export interface RequestRecord {
  readonly requestId: string
  readonly method: string
  /** Milliseconds of `performance.now()`. */
  readonly startedAt: number
  status: number
  dataSource?: DataSource
  route?: Route
  token?: VerifiedToken
  /** Absent: allowed. */
  code?: DenyReason
  /** What the caller was told, where it was refused. */
  detail?: string
  /** What it would have been refused for, but for `enforce: false`. */
  shadow?: DenyReason
  /** Milliseconds of `performance.now()`. */
  sentAt?: number
  headAt?: number
  /** For the operator: why the upstream failed, which claim could not be written. */
  cause?: string
  /** The caller left before the end of the answer. */
  aborted?: boolean
}

const KNOWN_METHODS = new Set(METHODS)

/** Writes the one line and the counters of a request (contract 7); nothing in them is a caller's choice. */
export function recorder(
  log: Log,
  metrics: Metrics,
  userid: () => boolean,
  onRefused: (refusal: Refusal) => void,
) {
  return (record: RequestRecord): void => {
    const { route, requestId, status, code, shadow, token, cause, aborted } = record
    const dataSource = (route?.dataSource ?? record.dataSource)?.id
    const method = KNOWN_METHODS.has(record.method) ? record.method : 'other'
    const decision = code === undefined ? 'allow' : 'deny'
    const durationMs = performance.now() - record.startedAt
    const upstreamMs =
      record.sentAt === undefined || record.headAt === undefined
        ? undefined
        : record.headAt - record.sentAt
    const fields = {
      requestId,
      dataSource,
      route: route?.pattern,
      method,
      status,
      decision,
      code,
      shadow,
      clientId: token?.principal.clientId,
      principal: token?.principal.kind,
      userId: userid() && token?.principal.kind === 'user' ? token.principal.userId : undefined,
      durationMs: round(durationMs),
      upstreamMs: upstreamMs === undefined ? undefined : round(upstreamMs),
      cause,
      aborted,
    }
    log.info(fields, 'request')
    const labels = { data_source: dataSource ?? '', route: route?.pattern ?? '' }
    const counted = String(status) in STATUS_CODES || status === 499 ? status : 'other'
    metrics.requests.inc({ ...labels, method, status: counted, decision, code: code ?? '' })
    if (shadow !== undefined) metrics.shadowedRequests.inc({ ...labels, code: shadow })
    metrics.duration.observe(labels, durationMs / 1000)
    if (upstreamMs !== undefined) metrics.upstreamDuration.observe(labels, upstreamMs / 1000)
    if (code !== undefined) onRefused(refusalOf(record, code, method))
  }
}

export type Recorder = ReturnType<typeof recorder>

/** Milliseconds with three decimals. */
const round = (ms: number) => Math.round(ms * 1000) / 1000
