import { STATUS_CODES } from 'node:http'
import type { HeaderList } from '../model.ts'
import { ANSWERS, challengeOf, type Denial, type DenyReason, statusOf } from '../policy/denial.ts'
import { RESOURCE_METADATA_PATH } from '../policy/route-key.ts'

/** Where the reasons are explained; the fragment is the code (contract 5). */
const TYPE_BASE = 'https://github.com/feide-gateway/feide-gateway#'

/** An answer of the gateway itself. */
export interface Answer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: string
}

/** So that a browser application can read why it was refused. */
const CORS = [
  'Access-Control-Allow-Origin',
  '*',
  'Access-Control-Expose-Headers',
  'WWW-Authenticate, Retry-After, X-Request-Id',
]

/** After these nobody can tell where the next request on the connection would begin. */
const CLOSING: ReadonlySet<DenyReason> = new Set(['request_malformed', 'request_timeout'])

export const hasOrigin = (headers: HeaderList): boolean =>
  headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'origin')

/** The one place where a denial becomes an answer: RFC 9457 problem details, RFC 6750 challenge. */
export function problem(denial: Denial, requestId: string, crossOrigin: boolean): Answer {
  const { denied: code, detail, allow, retryAfter } = denial
  const { title } = ANSWERS[code]
  const status = statusOf(denial)
  const type = TYPE_BASE + code
  const body = JSON.stringify({ type, title, status, code, detail, requestId })
  const headers = [
    'Content-Type',
    'application/problem+json',
    'Cache-Control',
    'no-store',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'X-Request-Id',
    requestId,
  ]
  const challenge = challengeFor(denial)
  if (challenge !== undefined) headers.push('WWW-Authenticate', challenge)
  if (allow !== undefined) headers.push('Allow', allow)
  if (retryAfter !== undefined) headers.push('Retry-After', String(retryAfter))
  if (CLOSING.has(code)) headers.push('Connection', 'close')
  if (crossOrigin) headers.push(...CORS)
  return { status, headers, body }
}

function challengeFor({ denied, detail, route, scope, resource }: Denial): string | undefined {
  const error = challengeOf(denied)
  if (error === undefined || route === undefined) return undefined
  const parameters = [`realm=${quoted(route.dataSource.id)}`]
  if (error !== '') parameters.push(`error=${quoted(error)}`)
  if (error === 'invalid_token') parameters.push(`error_description=${quoted(detail)}`)
  if (scope !== undefined) parameters.push(`scope=${quoted(scope)}`)
  if (resource !== undefined) {
    parameters.push(`resource_metadata=${quoted(resource + RESOURCE_METADATA_PATH)}`)
  }
  return `Bearer ${parameters.join(', ')}`
}

/** RFC 6750 §3 allows neither quotes and backslashes nor anything outside printable ASCII. */
const quoted = (text: string): string => `"${text.replace(/[^\x20-\x7e]|["\\]/g, "'")}"`

/** The bytes of an answer, for a connection on which Node's HTTP server has given up. */
export function rawAnswer({ status, headers, body }: Answer): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`]
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  if (!headers.includes('Connection')) lines.push('Connection: close')
  lines.push(`Date: ${new Date().toUTCString()}`)
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}
