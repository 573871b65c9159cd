/** HTTP/1.1 messages as latin1 text, parsed plainly so that nothing is hidden from a test. */

export type HeaderList = [name: string, value: string][]

export type Head = {
  readonly line: string
  readonly headers: HeaderList
  /** Bytes of the head, the empty line included. */
  readonly length: number
}

export type Body = {
  readonly text: string
  readonly trailers: string
  /** Bytes of it on the wire. */
  readonly length: number
  readonly complete: boolean
}

export function headerValues(headers: HeaderList, name: string): string[] {
  const wanted = name.toLowerCase()
  return headers.filter(([key]) => key.toLowerCase() === wanted).map(([, value]) => value)
}

/** The head of a message, once all of it is there. */
export function splitHead(text: string): Head | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [line = '', ...fields] = text.slice(0, end).split('\r\n')
  return { line, headers: fields.map(fieldOf), length: end + 4 }
}

/** The body that follows a head: of an answer (`closed` ends one without length). */
export function readBody(head: Head, text: string, bodiless: boolean, closed: boolean): Body {
  if (bodiless) return { text: '', trailers: '', length: 0, complete: true }
  if (headerValues(head.headers, 'transfer-encoding').length > 0) return readChunks(text)
  const [declared] = headerValues(head.headers, 'content-length')
  if (declared === undefined) {
    return { text, trailers: '', length: text.length, complete: closed }
  }
  return readLength(text, Number(declared))
}

export function readLength(text: string, length: number): Body {
  const part = text.slice(0, length)
  return { text: part, trailers: '', length: part.length, complete: part.length === length }
}

export function readChunks(text: string): Body {
  let body = ''
  let at = 0
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(text.slice(at, lineEnd), 16)
    if (Number.isNaN(size))
      return { text: body, trailers: '', length: text.length, complete: false }
    at = lineEnd + 2
    if (size === 0) return readTrailers(text, at, body)
    const chunk = text.slice(at, at + size)
    body += chunk
    if (text.length < at + size + 2) {
      return { text: body, trailers: '', length: text.length, complete: false }
    }
    at += size + 2
  }
}

function readTrailers(text: string, at: number, body: string): Body {
  if (text.startsWith('\r\n', at)) {
    return { text: body, trailers: '', length: at + 2, complete: true }
  }
  const end = text.indexOf('\r\n\r\n', at)
  if (end < 0) return { text: body, trailers: '', length: text.length, complete: false }
  return { text: body, trailers: text.slice(at, end), length: end + 4, complete: true }
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(':')
  if (colon < 0) return [line, '']
  return [line.slice(0, colon), line.slice(colon + 1).trim()]
}
