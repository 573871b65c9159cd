import type { IncomingMessage } from 'node:http'

/** Milliseconds for which a body that nobody wants is read: in all, and between two of its bytes. */
const MAX_TIME = 30_000
const MAX_IDLE = 5_000

/**
 * After an answer that came before the end of the request's body: reads on for a while, so that the
 * caller gets to read the answer and the connection can be used again; then lets the caller go.
 */
export function lingerOn(incoming: IncomingMessage): void {
  if (incoming.complete || incoming.destroyed) return
  const letGo = () => incoming.socket.destroy()
  const total = setTimeout(letGo, MAX_TIME).unref()
  const idle = setTimeout(letGo, MAX_IDLE).unref()
  const done = () => {
    clearTimeout(total)
    clearTimeout(idle)
  }
  incoming.unpipe()
  incoming.on('data', () => idle.refresh())
  incoming.once('end', done)
  incoming.once('close', done)
  incoming.resume()
}
