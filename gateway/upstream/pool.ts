import { buildConnector, type Dispatcher, Pool } from 'undici'
import type { Origin, Upstream } from '../model.ts'
import { timerLimit } from '../timer.ts'
import { type TlsIdentity, tlsIdentity } from './tls.ts'

/** Bytes of header block that an upstream may answer with. */
const MAX_ANSWER_HEADERS = 64 * 1024

/** The connections to one origin. */
export interface Connections {
  readonly identity: TlsIdentity | undefined
  readonly dispatch: (
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ) => void
  /** Whether a connection is failing at this very moment: what ends with it has not ended well. */
  readonly isBreaking: () => boolean
  /** Closes each connection when its request has ended. */
  readonly retire: () => void
  /** Closes them all at once. */
  readonly destroy: () => Promise<void>
}

export function openConnections(upstream: Upstream, origin: Origin): Connections {
  const identity = tlsIdentity(upstream, origin)
  let breaking = false
  // Heard before undici hears it, and forgotten when undici has told everybody.
  const onError = () => {
    breaking = true
    queueMicrotask(() => {
      breaking = false
    })
  }
  const open = () => openPool(upstream, origin, identity, onError)
  const pool = open()
  // Else undici takes it from the Host header, and opens a new connection where that differs.
  const name = identity && { servername: origin.host }
  return {
    identity,
    dispatch: (options, handler) => {
      const named = { ...options, ...name }
      if (!pool.closed) {
        pool.dispatch(named, handler)
        return
      }
      // A request of a policy that is no longer in force gets a connection of its own.
      const last = open()
      last.dispatch(named, handler)
      void last.close()
    },
    isBreaking: () => breaking,
    retire: () => void pool.close(),
    destroy: () => pool.destroy(),
  }
}

/** HTTP/1.1 only, one request at a time on a connection: an answer can belong to one request alone. */
export function openPool(
  { connectTimeout, idleTimeout, maxConnections }: Upstream,
  { origin }: Origin,
  identity: TlsIdentity | undefined,
  onError: () => void,
): Pool {
  const timeout = timerLimit(connectTimeout)
  const connect = buildConnector({ ...identity, allowH2: false, timeout })
  return new Pool(origin, {
    allowH2: false,
    pipelining: 1,
    connections: maxConnections,
    // Whom to ask for is said by the policy, not by the request.
    connect: (options, callback) =>
      connect({ ...options, servername: identity?.servername ?? '' }, (...outcome) => {
        outcome[1]?.on('error', onError)
        callback(...outcome)
      }),
    bodyTimeout: timerLimit(idleTimeout),
    maxHeaderSize: MAX_ANSWER_HEADERS,
  })
}
