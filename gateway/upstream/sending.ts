import type { RequestBody } from './body.ts'
import type { AnswerHead } from './parser.ts'

/** A request as it is written to a connection. */
export interface Outgoing {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Names and values in turn, one character a byte. */
  readonly headers: readonly string[]
  readonly body?: RequestBody | undefined
  /** Milliseconds from its last byte to the head of the answer, interim answers (1xx) aside. */
  readonly timeout: number
}

/** Who needs chunks of an answer for some time. */
export interface Holder {
  /** Whether any of them may still be needed. */
  holds(): boolean
}

/** What becomes of a request. Either `onEnd`, `onUnreachable` or `onError` comes last, and once. */
export interface Answering {
  /** A byte of an answer has come, be it of an interim one. */
  onBegan(): void
  /** What it throws breaks the answer off. */
  onHead(head: AnswerHead): void
  /**
   * @param isLast whether it is the end of the answer
   * @returns who still needs the chunk later; where nobody does, its memory is used again
   */
  onData(chunk: Buffer, isLast: boolean): Holder | undefined
  /** Some of the answer has come, and more is to come. */
  onPart(): void
  onEnd(): void
  /** No connection came about: nothing has been sent. */
  onUnreachable(error: Error): void
  onError(error: Error): void
}

/** A request on its way; none of these does anything once it has ended. */
export interface Sending {
  pause(): void
  resume(): void
  /** Gives it up, and the connection with it. */
  abort(error: Error): void
}
