import type { Socket } from 'node:net'
import type { RequestBody } from './body.ts'
import type { AnswerParser } from './parser.ts'
import type { Answering, Holder, Outgoing, Sending } from './sending.ts'
import { bodyWriter, requestHead } from './wire.ts'

/** What a request has of the connection that it is on. */
export interface Line {
  readonly socket: Socket
  /** To the head of the answer, then between two bytes of it; milliseconds. */
  readonly clock: { readonly start: (ms: number) => void; readonly stop: () => void }
  /** Milliseconds between two bytes of an answer. */
  readonly idleTimeout: number
  /** Breaks the connection off, and what is on it. */
  readonly fail: (error: Error) => void
}

/** One request on a connection, and its answer. Once it has ended nothing that is asked of it does anything. */
export class Sent implements Sending {
  readonly #line: Line
  readonly #answering: Answering
  #body: RequestBody | undefined
  #isInBody = false
  #hasEnded = false

  constructor(line: Line, answering: Answering) {
    this.#line = line
    this.#answering = answering
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Whether some of the request is still to be written. */
  get isUnderWay(): boolean {
    return this.#body !== undefined
  }

  write(request: Outgoing): void {
    const { socket, clock } = this.#line
    const { body, timeout } = request
    const head = this.#headOf(request)
    if (head === undefined) return
    if (!body) {
      socket.write(head, 'latin1')
      clock.start(timeout)
      return
    }
    this.#body = body
    // What has come of the body goes out together with the head.
    socket.cork()
    socket.write(head, 'latin1')
    this.#writeBody(body, timeout)
    queueMicrotask(() => socket.uncork())
  }

  /** `undefined` where it cannot be written: told later, as everything else that goes wrong. */
  #headOf(request: Outgoing): string | undefined {
    try {
      return requestHead(request)
    } catch (error) {
      const fault = error instanceof Error ? error : new Error(String(error))
      queueMicrotask(() => this.abort(fault))
      return undefined
    }
  }

  #writeBody(body: RequestBody, timeout: number): void {
    const { socket, clock } = this.#line
    const { write, end } = bodyWriter(socket, body.length === undefined)
    body.start({
      write,
      end: () => {
        end()
        this.#body = undefined
        // Else the time that the caller took for the body would be the upstream's.
        if (!this.#isInBody) clock.start(timeout)
      },
      breakOff: error => this.abort(error),
    })
  }

  drained(): void {
    this.#body?.drained()
  }

  pause(): void {
    if (this.#hasEnded) return
    this.#line.clock.stop()
    this.#line.socket.pause()
  }

  resume(): void {
    if (this.#hasEnded) return
    this.#line.clock.start(this.#line.idleTimeout)
    this.#line.socket.resume()
  }

  abort(error: Error): void {
    if (!this.#hasEnded) this.#line.fail(error)
  }

  /** Hands on what the parser found; any of it may give the request up, or be more than can be passed on. */
  handOn(parser: AnswerParser): Holder | undefined {
    if (parser.began) this.#answering.onBegan()
    const head = parser.answer
    if (head) {
      parser.answer = undefined
      this.#isInBody = true
      this.#answering.onHead(head)
    }
    return this.#handOnBody(parser)
  }

  #handOnBody({ chunks, isComplete }: AnswerParser): Holder | undefined {
    let holder: Holder | undefined
    for (let i = 0; i < chunks.length && !this.#hasEnded; i++) {
      const isLast = isComplete && i === chunks.length - 1
      holder = this.#answering.onData(chunks[i] as Buffer, isLast) ?? holder
    }
    if (chunks.length > 0) chunks.length = 0
    return holder
  }

  /** More of the answer is to come. */
  goesOn(): void {
    if (!this.#isInBody) return
    const { clock, socket, idleTimeout } = this.#line
    if (!socket.isPaused()) clock.start(idleTimeout)
    this.#answering.onPart()
  }

  /** It has nothing to do with the connection any more. */
  leave(): void {
    this.#line.clock.stop()
    this.#body?.stop()
    this.#body = undefined
    this.#hasEnded = true
  }

  /** Tells how it ended, when it has left: whole, or with an error. */
  tell(error?: Error): void {
    if (error) this.#answering.onError(error)
    else this.#answering.onEnd()
  }
}
