import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { destroyLater } from './linger.ts'

/** Requests that may wait on one connection: more is an attack, and costs Node dearly to take apart. */
const MAX_WAITING = 100

/** A request on its connection. */
export interface Turn {
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  /** Serves it. */
  run(): void
}

/**
 * Requests that a caller sends on one connection without waiting for answers are served one after
 * the other: what the second one reads may depend on what the first one writes (RFC 9112 §9.3.2).
 */
export function createTurns() {
  const waiting = new WeakMap<Duplex, Turn[]>()

  /** Runs when every earlier request of the connection has been answered. */
  const take = (turn: Turn): void => {
    const { incoming, response } = turn
    const { socket } = incoming
    const queue = waiting.get(socket) ?? []
    waiting.set(socket, queue)
    if (queue.length >= MAX_WAITING) {
      socket.destroy()
      return
    }
    queue.push(turn)
    response.on('close', afterAnswer)
    if (queue.length === 1) turn.run()
  }

  /** An answer may come before the end of its request; what is left of that is still its own. */
  function afterAnswer(this: ServerResponse): void {
    const { req: incoming } = this
    if (incoming.complete || incoming.destroyed) goOn(incoming.socket)
    else incoming.once('close', () => goOn(incoming.socket))
  }

  const goOn = (socket: Duplex): void => {
    const queue = waiting.get(socket)
    queue?.shift()
    // Behind an answer that closes the connection no request is served (RFC 9112 §9.6).
    if (socket.writable) queue?.[0]?.run()
  }

  /**
   * Runs what is to be answered to bytes that are no request, when an answer written to the socket
   * can be read as theirs alone: at once, where they are the body of the only open request, or
   * after the last open one has been answered.
   */
  const afterUnfinished = (socket: Duplex, run: () => void): void => {
    const queue = waiting.get(socket) ?? []
    const last = queue.at(-1)
    const runIfOpen = () => {
      if (socket.writable) run()
    }
    if (last === undefined || (last.incoming.complete && last.response.closed)) runIfOpen()
    else if (last.incoming.complete) last.response.once('close', runIfOpen)
    else if (queue.length === 1 && !last.response.headersSent) runIfOpen()
    else if (last.response.writableEnded) destroyLater(socket.end())
    else socket.destroy()
  }

  /** Whether no request of the connection is waiting for its answer. */
  const isIdle = (socket: Duplex): boolean => (waiting.get(socket)?.length ?? 0) === 0

  /** Whether further requests of the connection wait for the one that is being answered. */
  const hasMore = (socket: Duplex): boolean => (waiting.get(socket)?.length ?? 0) > 1

  return { take, afterUnfinished, isIdle, hasMore }
}

export type Turns = ReturnType<typeof createTurns>
