import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Milliseconds for which a body that nobody wants is read: in all, and between two of its bytes. */
const MAX_TIME = 30_000
const MAX_IDLE = 5_000

/** Milliseconds for which a caller can read its last answer, and close its side. */
const LAST_WORD = 1_000

/**
 * Destroys a connection on which nothing more will be said: at once would reset an answer away that
 * is written and not read yet, and a caller that does not close its side is not waited for.
 */
export function destroyLater(socket: Duplex): void {
  setTimeout(() => socket.destroy(), LAST_WORD).unref()
}

/**
 * Lets an answer that comes before the end of the request's body be read: a connection that is closed
 * with unread bytes is reset, and the answer is lost with it (RFC 9112 §9.6). So the rest of the body
 * is read for a while; then the caller is let go.
 */
export function lingerAfter(response: ServerResponse, incoming: IncomingMessage): void {
  if (incoming.complete) return
  const { socket } = incoming
  // What Node calls behind the last answer of a connection.
  socket.destroySoon = () => {
    if (incoming.complete) Socket.prototype.destroySoon.call(socket)
    else socket.end()
  }
  response.once('finish', () => {
    if (!incoming.complete && !incoming.destroyed) discardRest(incoming)
  })
}

function discardRest(incoming: IncomingMessage): void {
  const letGo = () => incoming.socket.destroy()
  const total = setTimeout(letGo, MAX_TIME).unref()
  const idle = setTimeout(letGo, MAX_IDLE).unref()
  const done = () => {
    clearTimeout(total)
    clearTimeout(idle)
  }
  incoming.unpipe()
  incoming.on('data', () => idle.refresh())
  incoming.once('end', () => {
    if (incoming.socket.writableEnded) incoming.socket.destroySoon()
  })
  incoming.once('close', done)
  incoming.resume()
}
