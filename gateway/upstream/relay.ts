import { timerLimit } from '../timer.ts'
import { answerHeaders, isCoded } from './answer-headers.ts'
import type { CallerResponse } from './caller.ts'
import type { AnswerHead } from './parser.ts'
import type { Holder, Sending } from './sending.ts'

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

/** The answer of an upstream on its way to the caller, no faster than that reads it. */
export class Relay {
  readonly #response: CallerResponse
  readonly #requestId: string
  /** Milliseconds that a caller may leave the answer unread: else it would hold the upstream's connection for ever. */
  readonly #maxPause: number
  #unread: NodeJS.Timeout | undefined
  #onDrain: (() => void) | undefined
  #bodyBegan = false
  #hasEnded = false
  #isSettled = false
  /** Bytes of the answer's body; those that wait for the caller are its last ones. */
  #written = 0

  constructor(response: CallerResponse, requestId: string, maxPause: number) {
    this.#response = response
    this.#requestId = requestId
    this.#maxPause = maxPause
  }

  /** Throws where the answer cannot be passed on: a status or a header that HTTP does not know. */
  head(head: AnswerHead): void {
    writeHead(this.#response, head, this.#requestId)
  }

  /** Most often a body follows its head at once, and both go out together; an event stream's may not. */
  part(): void {
    if (!this.#bodyBegan) setImmediate(flushHead, this)
  }

  flushHead(): void {
    if (!this.#bodyBegan && !this.#response.destroyed) this.#response.flushHeaders()
  }

  /** @returns who still needs the chunk later */
  data(from: Sending, chunk: Buffer, isLast: boolean): Holder | undefined {
    this.#bodyBegan = true
    if (isLast && chunk.length <= ONE_WRITE) {
      this.#hasEnded = true
      this.#response.end(chunk.toString('latin1'), 'latin1')
      return undefined
    }
    this.#written += chunk.length
    const end = this.#written
    if (!this.#response.write(chunk)) this.#pause(from)
    return { holds: () => this.#holds(end) }
  }

  /**
   * Whether what ends with this byte of the answer may still wait for the caller. What waits when the
   * answer has ended or broken off is held for ever: the next answer must not be written over it.
   */
  #holds(end: number): boolean {
    const { keepsChunks, destroyed, writableLength } = this.#response
    if (this.#isSettled || destroyed || keepsChunks === true) return true
    return end > this.#written - writableLength
  }

  end(): void {
    this.#bodyBegan = true
    this.settle()
    if (!this.#hasEnded) this.#response.end()
    if (this.#response.writableLength === 0) return
    this.#wait()
    this.#response.once('close', () => clearTimeout(this.#unread))
  }

  /** Takes every listener and timer back. */
  settle(): void {
    this.#isSettled = true
    clearTimeout(this.#unread)
    if (this.#onDrain) this.#response.off('drain', this.#onDrain)
  }

  #pause(from: Sending): void {
    if (!this.#onDrain) {
      this.#onDrain = () => {
        clearTimeout(this.#unread)
        from.resume()
      }
      this.#response.on('drain', this.#onDrain)
    }
    from.pause()
    this.#wait()
  }

  #wait(): void {
    clearTimeout(this.#unread)
    this.#unread = setTimeout(() => this.#response.destroy(), timerLimit(this.#maxPause))
  }
}

const flushHead = (relay: Relay) => relay.flushHead()

/** Bytes of a whole body that go out in one piece with the head: as text, which the head is. */
const ONE_WRITE = 4 * 1024
