import type { BodyFraming, HeaderList, RawRequest } from '../model.ts'
import { type Denial, deny, isDenial } from './denial.ts'

/** Bytes. */
export const MAX_TARGET = 16 * 1024

const malformed = (detail: string) => deny('request_malformed', detail)

/** A request whose message is in order: what can be said of it before its path is read. */
export interface Message {
  readonly authority: string
  /** Lower case, without port and trailing dot. */
  readonly host: string
  readonly body: BodyFraming
  readonly fields: Fields
}

/** Checks limits, `Host` and framing (contract 4 and 5): anything that two programs could read in two ways. */
export function readMessage(raw: RawRequest, limits: HeaderLimits): Message | Denial {
  const limit = beyondLimits(raw, limits)
  if (limit) return limit
  if (!VERSIONS.has(raw.httpVersion)) return malformed('This version of HTTP is not served')
  const fields = readFields(raw.headers)
  const body = readFraming(raw, fields)
  if (isDenial(body)) return body
  const [authority, another] = fields.host
  if (authority === undefined || another !== undefined) {
    return malformed('A request has exactly one Host')
  }
  const host = hostOf(authority)
  return host === undefined ? malformed('The Host is malformed') : { authority, host, body, fields }
}

/** HTTP/2 by its name in TLS (RFC 9113 §3.1): a line of HTTP/1.1 may say `2.0` as well. */
const VERSIONS = new Set(['1.0', '1.1', 'h2'])

/** Some servers silently drop fields past a limit, and the injected ones come last (contract 4). */
interface HeaderLimits {
  /** Fields. */
  readonly headerCount: number
  /** Bytes: names, values, and the colon, space and line end of each field. */
  readonly headerSize: number
}

function beyondLimits(
  { headers, target }: RawRequest,
  { headerCount, headerSize }: HeaderLimits,
): Denial | undefined {
  if (target.length > MAX_TARGET) {
    return deny('target_too_long', `The longest request target is ${MAX_TARGET} bytes`)
  }
  if (headers.length / 2 > headerCount) {
    return deny('headers_too_many', `A request has at most ${headerCount} header fields`)
  }
  const bytes = headers.reduce((sum, part) => sum + part.length + 2, 0)
  if (bytes <= headerSize) return undefined
  return deny('headers_too_large', `The header block has at most ${headerSize} bytes`)
}

/** Of what was not sent; shared, so nothing is ever added to it. */
const NONE: string[] = []

/** The headers that the gateway itself reads. */
const NO_FIELDS = {
  host: NONE,
  'content-length': NONE,
  'transfer-encoding': NONE,
  upgrade: NONE,
  connection: NONE,
  origin: NONE,
  'access-control-request-method': NONE,
  'x-forwarded-for': NONE,
  'x-forwarded-proto': NONE,
  'x-forwarded-host': NONE,
}

/** Their values, each in the order of the wire. */
export type Fields = { readonly [name in keyof typeof NO_FIELDS]: readonly string[] }

const LENGTHS: ReadonlySet<number> = new Set(Object.keys(NO_FIELDS).map(({ length }) => length))

export function readFields(headers: HeaderList): Fields {
  const fields = { ...NO_FIELDS }
  for (let i = 0; i < headers.length; i += 2) {
    const sent = headers[i] as string
    if (!LENGTHS.has(sent.length)) continue
    const name = sent.toLowerCase()
    if (Object.hasOwn(fields, name)) add(fields, name as keyof Fields, headers[i + 1] as string)
  }
  return fields
}

function add(fields: typeof NO_FIELDS, name: keyof Fields, value: string): void {
  if (fields[name] === NONE) fields[name] = [value]
  else fields[name].push(value)
}

/** How long the body is (RFC 9112 §6.3, RFC 9113 §8.1), where every program on the way must read the same. */
function readFraming(raw: RawRequest, fields: Fields): BodyFraming | Denial {
  const { httpVersion, bodyFollows } = raw
  const lengths = fields['content-length']
  const codings = fields['transfer-encoding']
  if (httpVersion === 'h2' && codings.length + fields.connection.length > 0) {
    return malformed('HTTP/2 has neither Transfer-Encoding nor Connection')
  }
  if (codings.length > 0) {
    const plain = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked'
    if (!plain) return malformed('The only Transfer-Encoding that is taken is chunked')
    if (lengths.length > 0) return malformed('Content-Length stands beside Transfer-Encoding')
    if (httpVersion === '1.0') return malformed('HTTP/1.0 has no Transfer-Encoding')
    return { kind: 'chunked' }
  }
  const [length] = lengths
  if (length === undefined) return { kind: bodyFollows ? 'chunked' : 'none' }
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) {
    return malformed('The Content-Length is malformed')
  }
  return length === '0' ? { kind: 'none' } : { kind: 'length', bytes: Number(length) }
}

const HOST = /^(?:\[[0-9a-fA-F:.]+\]|(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+\.?)(?::(\d{1,5}))?$/

function hostOf(authority: string): string | undefined {
  const match = authority.length <= 255 ? HOST.exec(authority) : null
  if (!match) return undefined
  const [, port] = match
  if (port !== undefined && (Number(port) === 0 || Number(port) > 65_535)) return undefined
  return authority.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase()
}
