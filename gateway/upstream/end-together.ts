import type { Socket } from 'node:net'
import { timer } from '../timer.ts'

interface Ending {
  /** When the token ends, in milliseconds since the epoch. */
  readonly closeAt: number | undefined
  /** The gateway closes the WebSocket, and this is why. */
  readonly onClosed: (cause: string) => void
}

/** Milliseconds that one side has to say goodbye when the other one has. */
const GOODBYE = 500

/** A WebSocket ends on both sides: when one of them ends it, or its token does. */
export function endTogether(
  socket: Socket,
  upstreamSocket: Socket,
  { closeAt, onClosed }: Ending,
): void {
  const destroyBoth = () => {
    socket.destroy()
    upstreamSocket.destroy()
  }
  const goodbye = timer(destroyBoth)
  const expiry = timer(() => {
    onClosed('the token has expired')
    destroyBoth()
  })
  const stop = () => {
    goodbye.stop()
    expiry.stop()
  }
  for (const [one, other] of [
    [socket, upstreamSocket],
    [upstreamSocket, socket],
  ] as const) {
    one.once('end', () => goodbye.start(GOODBYE))
    one.once('close', () => (other.destroyed ? stop() : goodbye.start(GOODBYE)))
  }
  if (closeAt !== undefined) expiry.start(Math.max(closeAt - Date.now(), 0))
}
