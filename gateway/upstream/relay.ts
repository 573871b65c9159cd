import { timerLimit } from '../timer.ts'
import { answerHeaders, isCoded } from './answer-headers.ts'
import type { CallerResponse } from './caller.ts'
import type { AnswerHead } from './parser.ts'
import type { Sending } from './sending.ts'

/** The answer of an upstream on its way to the caller. */
export interface Relay {
  /** Throws where the answer cannot be passed on: a status or a header that HTTP does not know. */
  readonly head: (head: AnswerHead) => void
  /** Whether the chunk is still needed when this returns. */
  readonly data: (from: Sending, chunk: Buffer, isLast: boolean) => boolean
  readonly end: () => void
  /** Takes every listener and timer back. */
  readonly settle: () => void
}

/** Throws, before anything is written, where HTTP knows no such status or header. */
export function writeHead(
  response: CallerResponse,
  { status, reason, headers: raw }: AnswerHead,
  requestId: string,
): void {
  if (status < 200 || status > 999) throw new Error(`status ${status}`)
  // It would go on compressed, and nothing would say so.
  if (isCoded(raw)) throw new Error('a transfer coding other than chunked')
  const all = answerHeaders(raw, requestId)
  const headers = status === 204 ? withoutLength(all) : all
  if (/^[\t\x20-\x7e]+$/.test(reason)) response.writeHead(status, reason, headers)
  else response.writeHead(status, headers)
}

/** Who believes the length of a body that there is not waits for it (RFC 9110 §8.6). */
const withoutLength = (headers: readonly string[]): string[] =>
  headers.filter((_, i) => headers[i - (i % 2)]?.toLowerCase() !== 'content-length')

/**
 * Streams an answer, no faster than the caller reads it.
 *
 * @param maxPause milliseconds that a caller may leave the answer unread: one that never reads on
 *   would hold the upstream's connection for ever
 */
export function relayTo(response: CallerResponse, requestId: string, maxPause: number): Relay {
  let unread: NodeJS.Timeout | undefined
  let paused: Sending | undefined
  let bodyBegan = false
  let hasEnded = false
  const wait = () => {
    clearTimeout(unread)
    unread = setTimeout(() => response.destroy(), timerLimit(maxPause))
  }
  const flushHead = () => {
    if (!bodyBegan && !response.destroyed) response.flushHeaders()
  }
  const onDrain = () => {
    clearTimeout(unread)
    paused?.resume()
  }
  const pause = (from: Sending) => {
    if (!paused) response.on('drain', onDrain)
    paused = from
    from.pause()
    wait()
  }
  const settle = () => {
    clearTimeout(unread)
    if (paused) response.off('drain', onDrain)
  }
  return {
    settle,
    head: head => {
      writeHead(response, head, requestId)
      // Most often the body follows at once, and both go out together; an event stream's may not.
      setImmediate(flushHead)
    },
    data: (from, chunk, isLast) => {
      bodyBegan = true
      if (isLast && chunk.length <= ONE_WRITE) {
        hasEnded = true
        response.end(chunk.toString('latin1'), 'latin1')
        return false
      }
      if (!response.write(chunk)) pause(from)
      return true
    },
    end: () => {
      bodyBegan = true
      settle()
      if (!hasEnded) response.end()
      if (response.writableLength === 0) return
      wait()
      response.once('close', () => clearTimeout(unread))
    },
  }
}

/** Bytes of a whole body that go out in one piece with the head: as text, which the head is. */
const ONE_WRITE = 4 * 1024
