/**
 * A strict reader of HTTP/1.1 messages (RFC 9112), for both ends of the gateway: it shares no code
 * with what the gateway reads with, and throws where a lenient one would guess.
 */

/** How the body behind a head ends; `tunnel`: never, and it is no HTTP any more. */
export type Framing = number | 'chunked' | 'close' | 'tunnel'

export type Sink = {
  /** @param headers names and values in turn, latin1, without the white space around values */
  head(line: string, headers: readonly string[]): Framing
  data(chunk: Buffer): void
  /** @param trailers as they came, latin1 */
  end(trailers: string): void
}

export type Reader = {
  /** Throws a `MalformedMessage`. */
  push(chunk: Buffer): void
  /** Nothing of a message has come that has not been told of. */
  isBetween(): boolean
}

export class MalformedMessage extends Error {}

type State = 'head' | 'length' | 'close' | 'tunnel' | 'size' | 'chunk' | 'chunkEnd' | 'trailers'

const EMPTY = Buffer.alloc(0)
const LONGEST_HEAD = 1024 * 1024
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const CONTROL = /[\0-\x08\n-\x1f\x7f]/

export function readMessages(sink: Sink): Reader {
  let state: State = 'head'
  let left = 0
  let kept: Buffer = EMPTY

  const finish = (trailers = ''): void => {
    state = 'head'
    sink.end(trailers)
  }
  const begin = (framing: Framing): void => {
    if (typeof framing === 'string') state = framing === 'chunked' ? 'size' : framing
    else if (framing === 0) finish()
    else {
      state = 'length'
      left = framing
    }
  }
  const take = (bytes: Buffer, at: number): number => {
    const piece = bytes.subarray(at, at + left)
    if (piece.length === 0) return -1
    left -= piece.length
    sink.data(piece)
    return at + piece.length
  }
  const rest = (bytes: Buffer, at: number): number => {
    if (at < bytes.length) sink.data(bytes.subarray(at))
    return bytes.length
  }

  /** Each takes one piece from `at` on, and says where it ends; -1 where it has not come yet. */
  const steps: Record<State, (bytes: Buffer, at: number) => number> = {
    head(bytes, at) {
      const end = bytes.indexOf('\r\n\r\n', at)
      if (end < 0 && bytes.length - at > LONGEST_HEAD) throw new MalformedMessage('an endless head')
      if (end < 0) return -1
      const [line = '', ...fields] = bytes.toString('latin1', at, end).split('\r\n')
      if (CONTROL.test(line)) throw new MalformedMessage(`a first line ${JSON.stringify(line)}`)
      begin(sink.head(line, fields.flatMap(readField)))
      return end + 4
    },
    length(bytes, at) {
      const next = take(bytes, at)
      if (left === 0) finish()
      return next
    },
    close: rest,
    tunnel: rest,
    size(bytes, at) {
      const end = bytes.indexOf('\r\n', at)
      if (end < 0) return -1
      const text = bytes.toString('latin1', at, end)
      if (!/^[0-9a-fA-F]{1,8}$/.test(text)) throw new MalformedMessage(`a chunk of ${text} bytes`)
      left = Number.parseInt(text, 16)
      state = left === 0 ? 'trailers' : 'chunk'
      return end + 2
    },
    chunk(bytes, at) {
      const next = take(bytes, at)
      if (left === 0) state = 'chunkEnd'
      return next
    },
    chunkEnd(bytes, at) {
      if (bytes.length - at < 2) return -1
      if (bytes.toString('latin1', at, at + 2) !== '\r\n')
        throw new MalformedMessage('a chunk too long')
      state = 'size'
      return at + 2
    },
    trailers(bytes, at) {
      if (bytes.toString('latin1', at, at + 2) === '\r\n') {
        finish()
        return at + 2
      }
      const end = bytes.indexOf('\r\n\r\n', at)
      if (end < 0) return -1
      finish(bytes.toString('latin1', at, end))
      return end + 4
    },
  }

  return {
    push(chunk) {
      const bytes = kept.length === 0 ? chunk : Buffer.concat([kept, chunk])
      let at = 0
      while (at < bytes.length) {
        const next = steps[state](bytes, at)
        if (next < 0) break
        at = next
      }
      kept = at === bytes.length ? EMPTY : bytes.subarray(at)
    },
    isBetween: () => state === 'head' && kept.length === 0,
  }
}

function readField(line: string): [string, string] {
  const colon = line.indexOf(':')
  const name = line.slice(0, colon)
  const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')
  if (colon < 0 || !NAME.test(name) || CONTROL.test(value)) {
    throw new MalformedMessage(`a field ${JSON.stringify(line)}`)
  }
  return [name, value]
}

/** All values of a header, whatever its case, from names and values in turn. */
export function valuesIn(headers: readonly string[], name: string): string[] {
  const wanted = name.toLowerCase()
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === wanted)
}

/** What the headers say of the body; throws where they can be read in two ways. */
export function framingOf(headers: readonly string[], without: Framing): Framing {
  const codings = valuesIn(headers, 'transfer-encoding')
  const lengths = valuesIn(headers, 'content-length')
  if (codings.length + lengths.length > 1) throw new MalformedMessage('two framings')
  if (codings.length > 0) {
    if (codings[0]?.toLowerCase() !== 'chunked') throw new MalformedMessage('an unknown coding')
    return 'chunked'
  }
  const [length] = lengths
  if (length === undefined) return without
  if (!/^\d{1,15}$/.test(length)) throw new MalformedMessage(`a Content-Length ${length}`)
  return Number(length)
}
