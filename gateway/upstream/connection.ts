import type { Socket } from 'node:net'
import { deadline } from '../timer.ts'
import { UpstreamFault } from './faults.ts'
import type { Inbox } from './inbox.ts'
import { AnswerParser } from './parser.ts'
import type { Answering, Holder, Outgoing, Sending } from './sending.ts'
import { type Line, Sent } from './sent.ts'
import { IDLE_TIME, idleTimeOf, mayBeReused } from './wire.ts'

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
  readonly #parser = new AnswerParser()
  readonly #line: Line
  #sent: Sent | undefined
  #isClosing = false

  /** @param idleTimeout milliseconds between two bytes of an answer */
  constructor(socket: Socket, inbox: Inbox, idleTimeout: number, events: ConnectionEvents) {
    const clock = deadline(() => this.#fail(tooSlow()))
    this.#socket = socket
    this.#inbox = inbox
    this.#events = events
    this.#line = { socket, clock, idleTimeout, fail: error => this.#fail(error) }
    inbox.onBytes = bytes => this.#onBytes(bytes)
    socket.on('drain', () => this.#sent?.drained())
    socket.on('end', () => this.#onEnd())
    socket.on('error', error => this.#fail(error))
    socket.on('close', () => {
      this.#fail(closed())
      clock.end()
      this.#parser.free()
      events.onClosed(this)
    })
  }

  get isOpen(): boolean {
    return this.#socket.writable && !this.#socket.destroyed
  }

  send(request: Outgoing, answering: Answering): Sending {
    const sent = new Sent(this.#line, answering)
    this.#sent = sent
    this.#parser.expect(request.method === 'HEAD')
    if (!mayBeReused(request.method)) this.#isClosing = true
    sent.write(request)
    return sent
  }

  /** Now, or when its request has ended. */
  close(): void {
    this.#isClosing = true
    if (!this.#sent) this.#socket.destroy()
  }

  /** At once, whatever is on it. */
  destroy(): void {
    this.#fail(closed())
  }

  #onBytes(bytes: Buffer): Holder | undefined {
    // Nobody asked for anything: whatever it is, the next answer must not begin with it.
    if (!this.#sent) {
      this.#socket.destroy()
      return undefined
    }
    this.#parser.read(bytes)
    return this.#handOn(this.#sent)
  }

  #onEnd(): void {
    // Now: Node would leave it writable for a moment, and a request in it would be lost.
    if (!this.#sent) return void this.#socket.destroy()
    this.#isClosing = true
    this.#parser.end()
    this.#handOn(this.#sent)
    this.#fail(closed())
  }

  /** What it throws is told as everything else that goes wrong. */
  #handOn(sent: Sent): Holder | undefined {
    const parser = this.#parser
    try {
      if (parser.answer) this.idleFor = idleTimeOf(parser.answer.headers)
      const holder = sent.handOn(parser)
      if (sent.hasEnded) return holder
      if (parser.isComplete) this.#finish(sent)
      else if (parser.fault !== undefined) this.#fail(new UpstreamFault('malformed', parser.fault))
      else sent.goesOn()
      return holder
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
      return undefined
    }
  }

  #finish(sent: Sent): void {
    const { keepAlive, fault } = this.#parser
    const isReusable = keepAlive && fault === undefined && !sent.isUnderWay && !this.#isClosing
    this.#leave()
    if (isReusable && this.isOpen) {
      // The caller may still have to read the last of it; the next one does not wait for that.
      this.#socket.resume()
      this.#events.onFree(this)
    } else {
      this.#socket.destroy()
    }
    sent.tell()
  }

  #fail(error: Error): void {
    const sent = this.#sent
    this.#leave()
    this.#socket.destroy()
    sent?.tell(error)
  }

  #leave(): void {
    this.#sent?.leave()
    this.#inbox.forget()
    this.#sent = undefined
  }
}

const tooSlow = () => new UpstreamFault('timeout', 'it said nothing for too long')

export const closed = () => new UpstreamFault('closed', 'the connection was closed')
