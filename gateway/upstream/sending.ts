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

/** What becomes of a request. Either `onEnd`, `onUnreachable` or `onError` comes last, and once. */
export interface Answering {
  /** A byte of an answer has come, be it of an interim one. */
  onBegan(): void
  /** What it throws breaks the answer off. */
  onHead(head: AnswerHead): void
  /**
   * @param isLast whether it is the end of the answer
   * @returns whether the chunk is still needed later; its memory is used again else
   */
  onData(chunk: Buffer, isLast: boolean): boolean
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
