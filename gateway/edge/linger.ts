import type { IncomingMessage } from 'node:http'

/** How much of a body that nobody wants is read, and for how long (milliseconds), before giving up. */
const MAX_BYTES = 1024 * 1024
const MAX_TIME = 5_000

/**
 * After an answer that came before the end of the request's body: reads on for a while, so that the
 * caller gets to read the answer and the connection can be used again; then lets the caller go.
 */
export function lingerOn(incoming: IncomingMessage): void {
  if (incoming.complete || incoming.destroyed) return
  let bytes = 0
  const letGo = () => incoming.socket.destroy()
  const timer = setTimeout(letGo, MAX_TIME)
  timer.unref()
  incoming.unpipe()
  incoming.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > MAX_BYTES) letGo()
  })
  incoming.once('close', () => clearTimeout(timer))
  incoming.once('end', () => clearTimeout(timer))
  incoming.resume()
}
