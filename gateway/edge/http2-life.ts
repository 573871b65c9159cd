import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Policy } from '../policy/policy.ts'
import { timer } from '../timer.ts'
import { destroyLater } from './linger.ts'

export interface Life {
  /** Ends the session, when nothing is in flight any more. */
  readonly leave: () => void
  /** Keeps it for as long as a stream is open. */
  readonly hold: (stream: ServerHttp2Stream) => void
}

type Limits = () => Policy['limits']

/** Ends a session that has nothing to do: soon where it was never used, else after `limits.keepAlive`. */
export function lifeOf(session: ServerHttp2Session, socket: TLSSocket, limits: Limits): Life {
  let open = 0
  const leave = () => {
    session.close()
    // A caller that does not close its side, or does not read what is left, is not waited for.
    if (open === 0) destroyLater(socket)
  }
  const idle = timer(leave)
  const pulse = pulseOf(session, socket, limits)
  idle.start(limits().headerTimeout)
  socket.once('close', () => {
    idle.stop()
    pulse.stop()
  })

  const hold = (stream: ServerHttp2Stream) => {
    open += 1
    if (open === 1) pulse.start()
    idle.stop()
    stream.once('close', () => {
      open -= 1
      if (open > 0) return
      pulse.stop()
      if (session.closed || session.destroyed) leave()
      else idle.start(limits().keepAlive)
    })
  }
  return { leave, hold }
}

/**
 * Asks a caller now and then whether it is still there (PING), and cuts the connection of one that
 * does not say so: it has gone without a word, or (Node 22.22) nghttp2 has given the session up and
 * Node does not know, so that nothing of it would ever end.
 */
function pulseOf(session: ServerHttp2Session, socket: TLSSocket, limits: Limits) {
  let answered = true
  const ask = timer(() => {
    // Nothing can be asked any more on a session that is about to end.
    if (session.closed || session.destroyed) return
    if (!answered) {
      socket.destroy()
      return
    }
    answered = false
    session.ping(error => {
      answered = error === null
    })
    start()
  })
  const start = () => ask.start(limits().keepAlive)
  return { start, stop: ask.stop }
}
