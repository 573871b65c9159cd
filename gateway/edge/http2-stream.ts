import { constants, type ServerHttp2Stream } from 'node:http2'
import { isHopByHop } from '../policy/header-names.ts'
import { timer } from '../timer.ts'
import type { CallerBody, CallerResponse } from '../upstream/caller.ts'

const { NGHTTP2_NO_ERROR } = constants

/** The body of a request. A caller that resets the stream ends it as well, with whatever code. */
export const http2Body = (stream: ServerHttp2Stream): CallerBody => ({
  get complete() {
    return stream.readableEnded && !stream.aborted
  },
  get readableEnded() {
    return stream.readableEnded
  },
  on: (event, listener) => stream.on(event, listener),
  once: (event, listener) => stream.once(event, listener),
  off: (event, listener) => stream.off(event, listener),
  pause: () => stream.pause(),
  resume: () => stream.resume(),
})

/**
 * The answer on a stream, through Node's core API: its compatibility layer can neither break an answer
 * off visibly nor keep the order of header fields.
 *
 * @param maxPause milliseconds for which the end of an answer may wait for its caller
 */
export function http2Response(
  stream: ServerHttp2Stream,
  { isHead, maxPause }: { readonly isHead: boolean; readonly maxPause: number },
): CallerResponse {
  let statusCode = 0
  let bodiless = isHead
  let ended = false
  const isGone = () => stream.destroyed || stream.closed
  // Told by `close` as well.
  stream.on('error', () => {})
  // With some codes Node would wait until the body is read, which nobody does any more.
  stream.once('aborted', () => setImmediate(() => stream.destroy()))

  const writeHead = (status: number, ...rest: readonly (string | readonly string[])[]) => {
    if (isGone()) return
    bodiless ||= status === 204 || status === 205 || status === 304
    stream.respond(fieldsOf(status, rest.at(-1) as readonly string[]), { endStream: bodiless })
    statusCode = status
  }
  const end = (body?: string, encoding: BufferEncoding = 'utf8') => {
    if (isGone()) return
    ended = true
    if (!bodiless) stream.end(body, encoding)
    seeOff(stream, maxPause)
  }
  return {
    get destroyed() {
      return isGone()
    },
    get headersSent() {
      return stream.headersSent
    },
    get statusCode() {
      return statusCode
    },
    get writableFinished() {
      // A stream that has ended on both sides is closed before its last write is said to be done.
      const handedOver = stream.writableFinished || stream.closed
      return ended && handedOver && !stream.aborted && stream.rstCode === NGHTTP2_NO_ERROR
    },
    // `seeOff` looks after the end of an answer.
    writableLength: 0,
    keepsChunks: true,
    shouldKeepAlive: true,
    writeContinue: () => isGone() || stream.additionalHeaders({ ':status': 100 }),
    writeHead,
    // It has gone already.
    flushHeaders: () => {},
    write: chunk => bodiless || isGone() || stream.write(chunk),
    end,
    destroy: () => reset(stream),
    on: (event, listener) => stream.on(event, listener),
    once: (event, listener) => stream.once(event, listener),
    off: (event, listener) => stream.off(event, listener),
  }
}

/** INTERNAL_ERROR. Node's `close` would end the stream first, and half an answer look whole. */
const reset = (stream: ServerHttp2Stream) => stream.destroy(new Error('broken off'))

/** What follows the last write of an answer: until the caller has it, and with what it still sends. */
function seeOff(stream: ServerHttp2Stream, maxPause: number): void {
  let unsent = 0
  const unread = timer(() => {
    if (stream.closed || stream.bufferSize >= unsent) reset(stream)
    else watch()
  })
  const watch = () => {
    unsent = stream.bufferSize
    unread.start(maxPause)
  }
  /** The rest of a body that nobody wants is not waited for (RFC 9113 §8.1). */
  const letGo = () => {
    if (stream.destroyed || stream.closed || stream.readableEnded) return
    stream.unpipe()
    stream.resume()
    if (!stream.endAfterHeaders) stream.close(NGHTTP2_NO_ERROR)
  }
  // A reset overtakes what has not been handed over: that happens once this turn is over.
  const finish = () => void setImmediate(letGo)
  // Not before: a session that nghttp2 has given up sends nothing more, and Node does not always know.
  stream.once('close', unread.stop)
  watch()
  if (stream.writableFinished) finish()
  else stream.once('finish', finish)
}

/** A header block (RFC 9113 §8.2): lower case, without what belongs to connections. */
function fieldsOf(status: number, headers: readonly string[]): string[] {
  const fields = [':status', String(status)]
  const noLength = status === 204 || status === 205
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase()
    if (isHopByHop(name) || name === 'http2-settings') continue
    if (noLength && name === 'content-length') continue
    fields.push(name, headers[i + 1] as string)
  }
  return fields
}
