import { type HeaderList, headerValues } from '../support/wire.ts'

/** A request, read by the letter of RFC 9112. */
export type Read = {
  readonly line: string
  readonly headers: HeaderList
  /** Decoded: without chunk framing. */
  readonly body: string
  readonly trailers: string
}

export type Stream = {
  readonly requests: readonly Read[]
  /** The head of a request whose body is not all there, or is broken. */
  readonly begun: Read | undefined
  readonly end: 'clean' | 'unfinished' | 'malformed'
}

type Part<T> = { readonly value: T; readonly length: number } | 'unfinished' | 'malformed'
type Body = { readonly text: string; readonly trailers: string }

const LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]+ HTTP\/1\.[01]$/
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/
const CHUNK = /^([0-9A-Fa-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/

/**
 * Reads a stream of requests, latin1, and forgives nothing (RFC 9112): lines end in CRLF, nothing is
 * folded, there is one `Host`, and what could be framed in two ways is malformed.
 *
 * @param before what is no part of a request that follows it: a server skips empty lines (§2.2)
 */
export function readStrictly(text: string, before = /^/): Stream {
  const requests: Read[] = []
  for (let rest = text.replace(before, ''); rest !== ''; rest = rest.replace(before, '')) {
    const head = readHead(rest)
    if (typeof head === 'string') return { requests, begun: undefined, end: head }
    const body = readBody(head.value, rest.slice(head.length))
    const begun = { ...head.value, body: '', trailers: '' }
    if (typeof body === 'string') return { requests, begun, end: body }
    requests.push({ ...head.value, body: body.value.text, trailers: body.value.trailers })
    rest = rest.slice(head.length + body.length)
  }
  return { requests, begun: undefined, end: 'clean' }
}

type Head = { readonly line: string; readonly headers: HeaderList }

function readHead(text: string): Part<Head> {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return 'unfinished'
  const [line = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers: HeaderList = []
  for (const field of lines) {
    const [, name, value] = FIELD.exec(field) ?? []
    if (name === undefined || value === undefined) return 'malformed'
    headers.push([name, value.replace(/[\t ]+$/, '')])
  }
  const isOne = LINE.test(line) && headerValues(headers, 'host').length === 1
  return isOne && isFramedOnce(line, headers)
    ? { value: { line, headers }, length: end + 4 }
    : 'malformed'
}

/** RFC 9112 §6.3: where the body ends can be read in one way alone. */
function isFramedOnce(line: string, headers: HeaderList): boolean {
  const lengths = headerValues(headers, 'content-length')
  const codings = headerValues(headers, 'transfer-encoding')
  if (codings.length === 0) return lengths.length === 0 || /^\d{1,15}$/.test(lengths.join())
  const isChunked = codings.join().toLowerCase() === 'chunked'
  return isChunked && lengths.length === 0 && line.endsWith('HTTP/1.1')
}

function readBody({ headers }: Head, text: string): Part<Body> {
  if (headerValues(headers, 'transfer-encoding').length > 0) return readChunks(text)
  const size = Number(headerValues(headers, 'content-length')[0] ?? 0)
  if (text.length < size) return 'unfinished'
  return { value: { text: text.slice(0, size), trailers: '' }, length: size }
}

function readChunks(text: string): Part<Body> {
  let body = ''
  for (let at = 0; ; ) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd < 0) return 'unfinished'
    const [, digits] = CHUNK.exec(text.slice(at, lineEnd)) ?? []
    if (digits === undefined) return 'malformed'
    const start = lineEnd + 2
    const size = Number.parseInt(digits, 16)
    if (size === 0) return readTrailers(text, start, body)
    if (text.length < start + size + 2) return 'unfinished'
    if (text.slice(start + size, start + size + 2) !== '\r\n') return 'malformed'
    body += text.slice(start, start + size)
    at = start + size + 2
  }
}

function readTrailers(text: string, start: number, body: string): Part<Body> {
  if (text.startsWith('\r\n', start)) {
    return { value: { text: body, trailers: '' }, length: start + 2 }
  }
  const end = text.indexOf('\r\n\r\n', start)
  if (end < 0) return 'unfinished'
  const trailers = text.slice(start, end)
  if (!trailers.split('\r\n').every(field => FIELD.test(field))) return 'malformed'
  return { value: { text: body, trailers }, length: end + 4 }
}
