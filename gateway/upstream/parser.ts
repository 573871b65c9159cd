import { saysBody, trimValues } from './answer-fields.ts'
import { execute, type Found, finish, freeParser, newParser } from './llhttp.ts'

/** The head of an answer. */
export interface AnswerHead {
  /** 200 to 999, as far as the parser goes. */
  readonly status: number
  readonly reason: string
  /** Names and values in turn, as they came, one character a byte. */
  readonly headers: readonly string[]
}

/** Bytes of status line, header block and trailers that an upstream may answer with. */
const MAX_HEAD = 64 * 1024

/** Bytes that are parsed at once. */
const PIECE = 64 * 1024

/**
 * Reads the answers of one connection, one after the other. What it found waits to be taken: whatever
 * is done about it is done when the parser has returned.
 */
export class AnswerParser implements Found {
  /** Whether a byte of the answer has come, be it of an interim one. */
  began = false
  /** Once it is there, whole; interim answers (1xx) are passed over. */
  answer: AnswerHead | undefined
  readonly chunks: Buffer[] = []
  isComplete = false
  /** Whether another answer may follow on the connection. */
  keepAlive = false
  /** Why the bytes cannot be an answer. */
  fault: string | undefined

  readonly #parser = newParser()
  #expecting = false
  #bodiless = false
  #status = 0
  #reason = ''
  #headers: string[] = []
  #isValue = false
  #size = 0
  #piece: Buffer = Buffer.alloc(0)
  #text: string | undefined

  /** @param bodiless whether the answer has no body, whatever its headers say (HEAD) */
  expect(bodiless: boolean): void {
    this.began = false
    this.answer = undefined
    this.isComplete = false
    this.#expecting = true
    this.#bodiless = bodiless
  }

  read(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && this.fault === undefined; at += PIECE) {
      this.#piece = bytes.length <= PIECE ? bytes : bytes.subarray(at, at + PIECE)
      this.#text = undefined
      const fault = execute(this.#parser, this.#piece, this)
      if (fault !== undefined) this.fault ??= fault
    }
  }

  /** The upstream says no more. */
  end(): void {
    if (this.fault === undefined) finish(this.#parser, this)
  }

  free(): void {
    freeParser(this.#parser)
  }

  begin(): number {
    if (!this.#expecting || this.isComplete) return this.#stop('bytes behind the answer')
    this.began = true
    this.#status = 0
    this.#reason = ''
    this.#headers = []
    this.#isValue = false
    this.#size = 0
    return 0
  }

  reason(start: number, end: number): number {
    this.#reason += this.#read(start, end)
    return this.#count(end - start)
  }

  field(start: number, end: number): number {
    // Trailers end here.
    if (this.#status !== 0) return this.#count(end - start)
    const headers = this.#headers
    if (this.#isValue || headers.length === 0) headers.push(this.#read(start, end), '')
    else headers[headers.length - 2] += this.#read(start, end)
    this.#isValue = false
    return this.#count(end - start)
  }

  value(start: number, end: number): number {
    if (this.#status !== 0) return this.#count(end - start)
    this.#headers[this.#headers.length - 1] += this.#read(start, end)
    this.#isValue = true
    return this.#count(end - start)
  }

  head(status: number, isUpgrade: boolean, keepAlive: boolean): number {
    if (status < 100) return this.#stop(`status ${status}`)
    if (isUpgrade || status === 101) return this.#stop('an upgrade that nobody asked for')
    if (status < 200) return 1
    this.#status = status
    this.keepAlive = keepAlive
    trimValues(this.#headers)
    this.answer = { status, reason: this.#reason, headers: this.#headers }
    if (this.#bodiless) return 1
    if (status !== 204 && status !== 304) return 0
    // What says that it has a body may be followed by one, which would be the next answer.
    if (saysBody(this.#headers)) this.keepAlive = false
    return 1
  }

  body(start: number, end: number): number {
    const piece = this.#piece
    this.chunks.push(end - start === piece.length ? piece : piece.subarray(start, end))
    return 0
  }

  complete(): number {
    this.isComplete = this.#status !== 0
    return 0
  }

  #stop(fault: string): number {
    this.fault = fault
    return -1
  }

  #count(bytes: number): number {
    this.#size += bytes
    return this.#size < MAX_HEAD ? 0 : this.#stop('more than 64 KiB of headers')
  }

  /** Heads are made text in one go: cutting that up costs next to nothing. */
  #read(start: number, end: number): string {
    const text = this.#text ?? this.#textFrom(start)
    // A piece may hold several heads, and trailers.
    return end <= text.length ? text.slice(start, end) : this.#piece.toString('latin1', start, end)
  }

  #textFrom(start: number): string {
    const blank = this.#piece.indexOf('\r\n\r\n', start, 'latin1')
    this.#text = this.#piece.toString('latin1', 0, blank === -1 ? this.#piece.length : blank)
    return this.#text
  }
}
