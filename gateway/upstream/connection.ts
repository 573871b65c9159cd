import type { Socket } from 'node:net'
import { deadline } from '../timer.ts'
import type { BodySink, RequestBody } from './body.ts'
import { UpstreamFault } from './faults.ts'
import type { Inbox } from './inbox.ts'
import { AnswerParser } from './parser.ts'
import type { Answering, Holder, Outgoing, Sending } from './sending.ts'
import { bodyWriter, IDLE_TIME, idleTimeOf, mayBeReused, requestHead } from './wire.ts'

export interface ConnectionEvents {
  /** It can take the next request. */
  readonly onFree: (connection: Connection) => void
  readonly onClosed: (connection: Connection) => void
}

/**
 * One connection to an origin: one request at a time, so that an answer can belong to that one alone.
 * What is asked of it for a request that has ended is nothing to the next one.
 */
export class Connection {
  /** Milliseconds for which it may be kept without a request; not at all below one. */
  idleFor = IDLE_TIME
  /** Since when it has been free, in milliseconds of `performance.now()`. */
  freeSince = 0

  readonly #socket: Socket
  readonly #inbox: Inbox
  readonly #events: ConnectionEvents
  readonly #idleTimeout: number
  readonly #parser = new AnswerParser()
  /** To the head of the answer, then between two bytes of it. */
  readonly #clock = deadline(() => this.#fail(tooSlow()))
  #answering: Answering | undefined
  #body: RequestBody | undefined
  #isClosing = false
  #isInBody = false

  /** @param idleTimeout milliseconds between two bytes of an answer */
  constructor(socket: Socket, inbox: Inbox, idleTimeout: number, events: ConnectionEvents) {
    this.#socket = socket
    this.#inbox = inbox
    this.#idleTimeout = idleTimeout
    this.#events = events
    inbox.onBytes = bytes => this.#onBytes(bytes)
    socket.on('drain', () => this.#body?.drained())
    socket.on('end', () => this.#onEnd())
    socket.on('error', error => this.#fail(error))
    socket.on('close', () => {
      this.#fail(closed())
      this.#clock.end()
      this.#parser.free()
      events.onClosed(this)
    })
  }

  get isOpen(): boolean {
    return this.#socket.writable && !this.#socket.destroyed
  }

  send(request: Outgoing, answering: Answering): Sending {
    const { method, body, timeout } = request
    const sending = new OnConnection(this, answering)
    this.#answering = answering
    this.#parser.expect(method === 'HEAD')
    if (!mayBeReused(method)) this.#isClosing = true
    const head = this.#headOf(request)
    if (head === undefined) return sending
    if (!body) {
      this.#socket.write(head, 'latin1')
      this.#clock.start(timeout)
      return sending
    }
    this.#body = body
    // What has come of the body goes out together with the head.
    this.#socket.cork()
    this.#socket.write(head, 'latin1')
    body.start(this.#sink(body, timeout))
    queueMicrotask(() => this.#socket.uncork())
    return sending
  }

  /** `undefined` where it cannot be written: told later, as everything else that goes wrong. */
  #headOf(request: Outgoing): string | undefined {
    try {
      return requestHead(request)
    } catch (error) {
      const fault = error instanceof Error ? error : new Error(String(error))
      queueMicrotask(() => this.#fail(fault))
      return undefined
    }
  }

  pause(of: Answering): void {
    if (this.#answering !== of) return
    this.#clock.stop()
    this.#socket.pause()
  }

  resume(of: Answering): void {
    if (this.#answering !== of) return
    this.#clock.start(this.#idleTimeout)
    this.#socket.resume()
  }

  /** Gives the request up, and the connection with it. */
  abort(of: Answering, error: Error): void {
    if (this.#answering === of) this.#fail(error)
  }

  /** Now, or when its request has ended. */
  close(): void {
    this.#isClosing = true
    if (!this.#answering) this.#socket.destroy()
  }

  /** At once, whatever is on it. */
  destroy(): void {
    this.#fail(closed())
  }

  #sink(body: RequestBody, timeout: number): BodySink {
    const { write, end } = bodyWriter(this.#socket, body.length === undefined)
    return {
      write,
      end: () => {
        end()
        this.#body = undefined
        // Else the time that the caller took for the body would be the upstream's.
        if (!this.#isInBody) this.#clock.start(timeout)
      },
      breakOff: error => this.#fail(error),
    }
  }

  #onBytes(bytes: Buffer): Holder | undefined {
    // Nobody asked for anything: whatever it is, the next answer must not begin with it.
    if (!this.#answering) {
      this.#socket.destroy()
      return undefined
    }
    this.#parser.read(bytes)
    return this.#deliver(this.#answering)
  }

  #onEnd(): void {
    // Now: Node would leave it writable for a moment, and a request in it would be lost.
    if (!this.#answering) return void this.#socket.destroy()
    this.#isClosing = true
    this.#parser.end()
    this.#deliver(this.#answering)
    this.#fail(closed())
  }

  /** Hands on what the parser found; any of it may give the request up, or be more than can be passed on. */
  #deliver(answering: Answering): Holder | undefined {
    try {
      return this.#handOn(answering)
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
      return undefined
    }
  }

  #handOn(answering: Answering): Holder | undefined {
    const parser = this.#parser
    if (parser.began) answering.onBegan()
    const head = parser.answer
    if (head) {
      parser.answer = undefined
      this.#isInBody = true
      this.idleFor = idleTimeOf(head.headers)
      answering.onHead(head)
    }
    const holder = this.#deliverBody(answering)
    if (this.#answering !== answering) return holder
    if (parser.isComplete) this.#finish(answering)
    else if (parser.fault !== undefined) this.#fail(new UpstreamFault('malformed', parser.fault))
    else if (this.#isInBody && !this.#socket.isPaused()) this.#clock.start(this.#idleTimeout)
    return holder
  }

  #deliverBody(answering: Answering): Holder | undefined {
    const { chunks, isComplete } = this.#parser
    let holder: Holder | undefined
    for (let i = 0; i < chunks.length && this.#answering === answering; i++) {
      const isLast = isComplete && i === chunks.length - 1
      holder = answering.onData(chunks[i] as Buffer, isLast) ?? holder
    }
    if (chunks.length > 0) chunks.length = 0
    return holder
  }

  #finish(answering: Answering): void {
    const { keepAlive, fault } = this.#parser
    const isReusable = keepAlive && fault === undefined && !this.#body && !this.#isClosing
    this.#leave()
    if (isReusable && this.isOpen) {
      // The caller may still have to read the last of it; the next one does not wait for that.
      this.#socket.resume()
      this.#events.onFree(this)
    } else {
      this.#socket.destroy()
    }
    answering.onEnd()
  }

  #fail(error: Error): void {
    const answering = this.#answering
    this.#leave()
    this.#socket.destroy()
    answering?.onError(error)
  }

  #leave(): void {
    this.#clock.stop()
    this.#body?.stop()
    this.#inbox.forget()
    this.#body = undefined
    this.#answering = undefined
    this.#isInBody = false
  }
}

/** One request on a connection. */
class OnConnection implements Sending {
  readonly #connection: Connection
  readonly #answering: Answering

  constructor(connection: Connection, answering: Answering) {
    this.#connection = connection
    this.#answering = answering
  }

  pause(): void {
    this.#connection.pause(this.#answering)
  }

  resume(): void {
    this.#connection.resume(this.#answering)
  }

  abort(error: Error): void {
    this.#connection.abort(this.#answering, error)
  }
}

const tooSlow = () => new UpstreamFault('timeout', 'it said nothing for too long')

export const closed = () => new UpstreamFault('closed', 'the connection was closed')
