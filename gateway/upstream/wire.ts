import type { Socket } from 'node:net'
import type { Outgoing } from './sending.ts'

/**
 * What no value holds (RFC 9110 §5.5): it would end a line of the head, or cut it short for some reader.
 * Written one byte a character, what is beyond U+00FF would become something else: U+010A a line end.
 */
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/** What no request target holds (RFC 9112 §3.2): it would end there for some reader. */
const NO_TARGET = /[^\x21-\x7e]/

/** Methods of which a server expects a body, or to hear that there is none (RFC 9110 §8.6). */
const EXPECTS_BODY = new Set(['POST', 'PUT', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH'])

/**
 * Request line and header block, one character a byte. All of it was checked where it came from;
 * throws rather than write a line that is two.
 */
export function requestHead({ method, target, headers, body }: Outgoing): string {
  if (NO_TARGET.test(target)) throw new Error('the target is none')
  let head = `${method} ${target} HTTP/1.1\r\n`
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1] as string
    if (NO_VALUE.test(value)) throw new Error(`the value of ${headers[i]} is none`)
    head += `${headers[i]}: ${value}\r\n`
  }
  if (body && body.length === undefined) head += 'Transfer-Encoding: chunked\r\n'
  else if (!body && EXPECTS_BODY.has(method)) head += 'Content-Length: 0\r\n'
  return `${head}Connection: ${mayBeReused(method) ? 'keep-alive' : 'close'}\r\n\r\n`
}

/** Servers are known that answer HEAD with a body: it would be taken for the next answer. */
export const mayBeReused = (method: string): boolean => method !== 'HEAD'

/** Writes a body as its head says: as it is, or in chunks (RFC 9112 §7.1). */
export function bodyWriter(socket: Socket, isChunked: boolean) {
  if (!isChunked) return { write: (chunk: Buffer): boolean => socket.write(chunk), end: () => {} }
  const write = (chunk: Buffer): boolean => {
    // A chunk of no bytes is the last one.
    if (chunk.length === 0) return true
    socket.cork()
    socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    socket.write(chunk)
    const goOn = socket.write('\r\n', 'latin1')
    socket.uncork()
    return goOn
  }
  return { write, end: () => void socket.write('0\r\n\r\n', 'latin1') }
}

/** Milliseconds for which a connection is kept for the next request, where its server says nothing. */
export const IDLE_TIME = 4_000
/** At most, whatever it says; and how long before its end a connection is used no more. */
const MAX_IDLE_TIME = 600_000
const IDLE_MARGIN = 2_000

/** Milliseconds for which a connection may be kept, by its `Keep-Alive: timeout=…` (seconds). */
export function idleTimeOf(headers: readonly string[]): number {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== 10 || name.toLowerCase() !== 'keep-alive') continue
    const seconds = /(?:^|[,\s])timeout\s*=\s*"?(\d{1,6})/i.exec(headers[i + 1] as string)?.[1]
    if (seconds) return Math.min(Number(seconds) * 1000 - IDLE_MARGIN, MAX_IDLE_TIME)
  }
  return IDLE_TIME
}
