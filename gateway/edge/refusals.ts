import { type ExplainedRoute, explainedRoute } from '../explain/explanation.ts'
import type { DenyReason } from '../policy/denial.ts'
import type { RequestRecord } from './record.ts'

/**
 * One refused request, for an operator to look at: what is needed to say why, and nothing that tells who
 * was behind it. No path (national ids stand in paths of old APIs), no token, no user id.
 */
export interface Refusal {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly requestId: string
  readonly method: string
  readonly status: number
  readonly code: DenyReason
  /** What the caller was told. */
  readonly detail: string
  /** What the log says beside it. */
  readonly cause?: string | undefined
  readonly dataSource?: string | undefined
  /** The route as it stands in the policy, and what it asked for. */
  readonly route?: ExplainedRoute | undefined
  /** Whom the token spoke for, where it was good. */
  readonly token?: RefusedToken | undefined
}

export interface RefusedToken {
  readonly clientId: string
  readonly kind: string
  readonly scopes: readonly string[]
}

/** The last refusals. */
export interface Refusals {
  readonly note: (refusal: Refusal) => void
  /** Newest first; each has a number of its own. */
  readonly latest: () => readonly (Refusal & { readonly id: number })[]
  /** Counts up with each. */
  readonly noted: () => number
}

/** How many are kept. */
export const KEPT_REFUSALS = 100

/** Longer lists are of no use to a reader, and a token may be 16 KiB of scopes. */
const MAX_SCOPES = 50
const MAX_TEXT = 500

export function createRefusals(): Refusals {
  const kept: (Refusal & { readonly id: number })[] = []
  let noted = 0
  const note = (refusal: Refusal) => {
    noted += 1
    kept.push({ ...refusal, id: noted })
    if (kept.length > KEPT_REFUSALS) kept.shift()
  }
  const latest = () => kept.toSorted((a, b) => b.at - a.at || b.id - a.id)
  return { note, latest, noted: () => noted }
}

/** What is kept of a request that was refused. */
export function refusalOf(record: RequestRecord, code: DenyReason, method: string): Refusal {
  const { route, token, requestId, status, detail, cause } = record
  return {
    at: Date.now(),
    requestId,
    method,
    status,
    code,
    detail: cut(detail ?? ''),
    cause: cause === undefined ? undefined : cut(cause),
    dataSource: (route?.dataSource ?? record.dataSource)?.id,
    route: route && explainedRoute(route),
    token: token && {
      clientId: token.principal.clientId,
      kind: token.principal.kind,
      scopes: token.scopes.slice(0, MAX_SCOPES),
    },
  }
}

const cut = (text: string): string =>
  text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
