import type { Socket } from 'node:net'
import { timerLimit } from '../timer.ts'
import { PROBE_AFTER } from './connect.ts'

interface Ending {
  /** When the token ends, in milliseconds since the epoch. */
  readonly closeAt: number | undefined
  /** The gateway closes the WebSocket, and this is why. */
  readonly onClosed: (cause: string) => void
  /** The connection to the upstream is gone. */
  readonly onDone: () => void
}

/** Milliseconds that one side has to say goodbye when the other one has. */
const GOODBYE = 500

/**
 * Joins two connections that have left HTTP, and ends them together: when one of them ends, or the token
 * does. There may be tens of thousands, silent for days: nothing is held for one but what is said here.
 */
export function tunnel(
  socket: Socket,
  upstreamSocket: Socket,
  { closeAt, onClosed, onDone }: Ending,
): void {
  let goodbye: NodeJS.Timeout | undefined
  let expiry: NodeJS.Timeout | undefined
  const destroyBoth = () => {
    socket.destroy()
    upstreamSocket.destroy()
  }
  const sayGoodbye = () => {
    goodbye ??= setTimeout(destroyBoth, GOODBYE)
  }
  const closed = (other: Socket) => {
    if (!other.destroyed) {
      other.end()
      return sayGoodbye()
    }
    clearTimeout(goodbye)
    clearTimeout(expiry)
  }
  upstreamSocket.on('close', () => {
    onDone()
    closed(socket)
  })
  socket.on('close', () => closed(upstreamSocket))
  // What is behind it is `close`.
  upstreamSocket.on('error', () => {})
  for (const one of [socket, upstreamSocket]) {
    one.setTimeout(0).setNoDelay(true).setKeepAlive(true, PROBE_AFTER)
  }
  pass(upstreamSocket, socket, sayGoodbye)
  pass(socket, upstreamSocket, sayGoodbye)
  if (closeAt === undefined) return
  const expire = () => {
    onClosed('the token has expired')
    destroyBoth()
  }
  expiry = setTimeout(expire, timerLimit(Math.max(closeAt - Date.now(), 0)))
}

/** What `pipe` does, without what it keeps. */
function pass(from: Socket, to: Socket, onEnd: () => void): void {
  from.on('data', (chunk: Buffer) => {
    if (to.writable && !to.write(chunk)) from.pause()
  })
  to.on('drain', () => from.resume())
  from.on('end', () => {
    to.end()
    onEnd()
  })
}
