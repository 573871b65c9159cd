import { type Answer, valuesOf } from './raw.ts'

/** Every code a caller can get, with its status, as promised. */
export const STATUS = {
  host_unknown: 404,
  route_unknown: 404,
  method_not_allowed: 405,
  path_ambiguous: 400,
  request_malformed: 400,
  body_too_large: 413,
  headers_too_many: 431,
  headers_too_large: 431,
  target_too_long: 414,
  request_timeout: 408,
  token_missing: 401,
  token_opaque: 401,
  token_malformed: 401,
  token_algorithm: 401,
  token_expired: 401,
  token_not_yet_valid: 401,
  token_lifetime: 401,
  token_issuer: 401,
  token_audience: 401,
  token_claims: 401,
  token_key_unknown: 401,
  token_signature: 401,
  scope_missing: 403,
  user_required: 403,
  system_required: 403,
  client_not_allowed: 403,
  keys_unavailable: 503,
  upstream_unavailable: 502,
  claim_unrepresentable: 502,
  upstream_timeout: 504,
} as const

export type Code = keyof typeof STATUS

export type Challenge = Readonly<Record<string, string>>

/** A refusal with what differs from one to the next (ids, wording) put in a common form. */
export type Refusal = {
  readonly status: number
  readonly contentType: string
  readonly cacheControl: string
  readonly requestIds: number
  readonly challenge: Challenge | undefined
  readonly retryAfter: 'seconds' | string | undefined
  /** Sorted, since the order of methods means nothing. */
  readonly allow: string | undefined
  readonly problem: Readonly<Record<string, unknown>>
}

export type Expected = {
  readonly realm?: string
  readonly host?: string
  /** The `scope` of the challenge. */
  readonly scope?: string
  readonly allow?: string
  /** Where one code has two statuses. */
  readonly status?: number
  /** The challenge where it has none by the rules for its status, or the reverse. */
  readonly challenge?: Challenge | undefined
}

/** What a refusal with this code must look like, everything in it considered. */
export function refusal(code: Code, expected: Expected = {}): Refusal {
  const status = expected.status ?? STATUS[code]
  return {
    status,
    contentType: 'application/problem+json',
    cacheControl: 'no-store',
    requestIds: 1,
    challenge: 'challenge' in expected ? expected.challenge : challengeFor(code, expected),
    retryAfter: code === 'keys_unavailable' ? 'seconds' : undefined,
    allow: expected.allow,
    problem: {
      type: `https://…#${code}`,
      title: 'text',
      status,
      code,
      detail: 'text',
      requestId: 'as in the header',
    },
  }
}

/** An answer in the same form. */
export function refusalOf(answer: Answer): Refusal {
  const requestIds = valuesOf(answer, 'x-request-id')
  return {
    status: answer.status,
    contentType: valuesOf(answer, 'content-type').join(' | '),
    cacheControl: valuesOf(answer, 'cache-control').join(' | '),
    requestIds: requestIds.length,
    challenge: challengeOf(answer),
    retryAfter: retryAfterOf(answer),
    allow: methodsOf(single(valuesOf(answer, 'allow'))),
    problem: problemOf(answer, requestIds[0]),
  }
}

/** The code of a refusal, for tables where the rest is beside the point. */
export function codeOf(answer: Answer): string | number {
  if (!valuesOf(answer, 'content-type').join().startsWith('application/problem+json')) {
    return answer.status
  }
  return String(JSON.parse(answer.body).code)
}

/** The parameters of `WWW-Authenticate: Bearer …`; throws where RFC 9110 or 6750 is broken. */
export function challengeOf(answer: Answer): Challenge | undefined {
  const values = valuesOf(answer, 'www-authenticate')
  if (values.length === 0) return undefined
  const text = single(values) ?? ''
  const parameter = /(?:^Bearer |, )([a-z_]+)="([\x20\x21\x23-\x5b\x5d-\x7e]*)"/gy
  const found = [...text.matchAll(parameter)]
  const covered = found.reduce((length, match) => length + match[0].length, 0)
  const names = found.map(match => match[1] ?? '')
  if (covered !== text.length || new Set(names).size !== names.length) {
    throw new Error(`not a well-formed challenge: ${text}`)
  }
  const challenge: Record<string, string> = Object.fromEntries(
    found.map(match => [match[1], match[2] ?? '']),
  )
  if (challenge.error_description) challenge.error_description = 'text'
  return challenge
}

function challengeFor(code: Code, expected: Expected): Challenge | undefined {
  const { realm = 'grades', host = 'gateway.test', scope } = expected
  const resource_metadata = `http://${host}/.well-known/oauth-protected-resource`
  const status = STATUS[code]
  if (code === 'token_missing') return { realm, resource_metadata }
  if (status === 401) {
    return { realm, error: 'invalid_token', error_description: 'text', resource_metadata }
  }
  if (status !== 403) return undefined
  const insufficient = { realm, error: 'insufficient_scope', resource_metadata }
  return scope === undefined ? insufficient : { ...insufficient, scope }
}

function problemOf(answer: Answer, requestId: string | undefined): Record<string, unknown> {
  const problem = JSON.parse(answer.body)
  const type = /^https:\/\/\S+(#\w+)$/.exec(problem.type)
  return {
    ...problem,
    type: type === null ? problem.type : `https://…${type[1]}`,
    title: isText(problem.title) ? 'text' : problem.title,
    detail: isText(problem.detail) ? 'text' : problem.detail,
    requestId: problem.requestId === requestId ? 'as in the header' : problem.requestId,
  }
}

function retryAfterOf(answer: Answer): string | undefined {
  const value = single(valuesOf(answer, 'retry-after'))
  return value !== undefined && /^[1-9]\d*$/.test(value) ? 'seconds' : value
}

function methodsOf(allow: string | undefined): string | undefined {
  return allow?.split(/ *, */).sort().join(', ')
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== ''
}

function single(values: string[]): string | undefined {
  return values.length === 0 ? undefined : values.join(' | ')
}
