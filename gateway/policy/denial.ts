import type { DataSource, Route, VerifiedToken } from '../model.ts'

interface Answer {
  readonly status: number
  readonly title: string
  /** The `error` of RFC 6750 §3.1; an empty string is a challenge without one; absent: no challenge. */
  readonly challenge?: '' | 'invalid_token' | 'insufficient_scope'
}

const invalid = (title: string) => ({ status: 401, title, challenge: 'invalid_token' }) as const
const insufficient = (title: string) =>
  ({ status: 403, title, challenge: 'insufficient_scope' }) as const

/** Every reason for which a request is refused (contract 5): its status and its challenge stand nowhere else. */
export const ANSWERS = {
  host_unknown: { status: 404, title: 'No data source serves this host' },
  route_unknown: { status: 404, title: 'No route has this path' },
  method_not_allowed: { status: 405, title: 'No route of this path has this method' },
  path_ambiguous: { status: 400, title: 'The path can be read in more than one way' },
  request_malformed: { status: 400, title: 'The request is malformed' },
  body_too_large: { status: 413, title: 'The body is too large' },
  headers_too_many: { status: 431, title: 'Too many header fields' },
  headers_too_large: { status: 431, title: 'The header block is too large' },
  target_too_long: { status: 414, title: 'The request target is too long' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  token_missing: { status: 401, title: 'A bearer token is required', challenge: '' },
  token_opaque: invalid('An opaque access token must be exchanged for a JWT first'),
  token_malformed: invalid('The token is not a well-formed JWT'),
  token_algorithm: invalid('The token is signed with an algorithm that is not accepted'),
  token_expired: invalid('The token has expired'),
  token_not_yet_valid: invalid('The token is not valid yet'),
  token_lifetime: invalid('The token was issued for too long a time'),
  token_issuer: invalid('The token is from another issuer'),
  token_audience: invalid('The token is for another audience'),
  token_claims: invalid('A claim of the token is missing or of the wrong form'),
  token_key_unknown: invalid('The token is signed with a key that the issuer does not publish'),
  token_signature: invalid('The signature of the token is wrong'),
  scope_missing: insufficient('The token lacks a scope that this route asks for'),
  user_required: insufficient('This route is for users'),
  system_required: insufficient('This route is for systems'),
  client_not_allowed: insufficient('This client may not use this route'),
  keys_unavailable: { status: 503, title: 'The keys of the issuer are not available' },
  exchange_unavailable: { status: 503, title: 'Feide cannot be asked to exchange the token' },
  api_token_unavailable: { status: 502, title: 'The token that the API needs is not to be had' },
  upstream_unavailable: { status: 502, title: 'The upstream cannot be reached' },
  claim_unrepresentable: { status: 502, title: 'A claim cannot be written as a header' },
  upstream_timeout: { status: 504, title: 'The upstream took too long' },
} as const satisfies Record<string, Answer>

export type DenyReason = keyof typeof ANSWERS

/** A refusal, as a value: turned into an answer in one place (`edge/problem.ts`). */
export interface Denial {
  readonly denied: DenyReason
  /** For the caller: what was wrong and what to do. No token, claim value or internal address. */
  readonly detail: string
  /** Where the request had got to: the answer's realm, and the labels of log and metrics. */
  readonly dataSource?: DataSource
  readonly route?: Route
  /** The verified token, where it was good and access was refused all the same. */
  readonly token?: VerifiedToken
  /** `Allow` of a 405. */
  readonly allow?: string
  /** `scope` of the challenge. */
  readonly scope?: string
  /** Scheme and authority of the request, for `resource_metadata` (RFC 9728 §5.1). */
  readonly resource?: string
  /** Seconds. */
  readonly retryAfter?: number
  /** A limit on connections was reached: 503, whatever the table says (contract 5). */
  readonly overloaded?: true
  /** For the operator's log only, never for the caller. */
  readonly cause?: string
}

export const deny = (
  denied: DenyReason,
  detail: string,
  more?: Omit<Denial, 'denied' | 'detail'>,
): Denial => ({ denied, detail, ...more })

export const isDenial = (value: unknown): value is Denial =>
  typeof value === 'object' && value !== null && 'denied' in value

export const statusOf = ({ denied, overloaded }: Denial): number =>
  overloaded ? 503 : ANSWERS[denied].status

/** The `error` of the challenge, `''` for a challenge without one, `undefined` for no challenge. */
export const challengeOf = (reason: DenyReason): string | undefined =>
  (ANSWERS[reason] as Answer).challenge
