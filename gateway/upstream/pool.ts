import type { Socket } from 'node:net'
import type { Origin, Upstream } from '../model.ts'
import { connector } from './connect.ts'
import { Connection, closed } from './connection.ts'
import { Inbox } from './inbox.ts'
import type { Answering, Outgoing, Sending } from './sending.ts'
import { type TlsIdentity, tlsIdentity } from './tls.ts'

/**
 * The connections to one origin: HTTP/1.1 only. How many there are is not its concern: a request is
 * let in by `admission.ts`, and gets one that is free or a new one.
 */
export interface Connections {
  readonly identity: TlsIdentity | undefined
  readonly send: (request: Outgoing, answering: Answering) => Sending
  /** Closes each connection when its request has ended. */
  readonly retire: () => void
  /** Closes them all at once. */
  readonly destroy: () => void
}

/** How often free connections are looked through, in milliseconds. */
const LOOK = 1_000

export function openConnections(
  upstream: Pick<Upstream, 'connectTimeout' | 'idleTimeout' | 'tls'>,
  origin: Origin,
): Connections {
  const identity = tlsIdentity(upstream, origin)
  const connect = connector(origin.origin, identity, upstream.connectTimeout)
  const pool = createPool()

  const open = (socket: Socket, inbox: Inbox): Connection => {
    const connection = new Connection(socket, inbox, upstream.idleTimeout, pool)
    pool.all.add(connection)
    return connection
  }

  const sendNew = (request: Outgoing, answering: Answering): Sending => {
    let sending: Sending | undefined
    let givenUp: Error | undefined
    const inbox = new Inbox()
    const connecting = connect(inbox, outcome => {
      pool.connecting.delete(connecting)
      // Whether the origin is there matters to others, though nobody waits here any more.
      if (outcome instanceof Error) return answering.onUnreachable(outcome)
      const connection = open(outcome, inbox)
      if (!givenUp) {
        sending = connection.send(request, answering)
        return
      }
      pool.onFree(connection)
      answering.onError(givenUp)
    })
    pool.connecting.add(connecting)
    return {
      pause: () => sending?.pause(),
      resume: () => sending?.resume(),
      abort: error => {
        if (sending) sending.abort(error)
        else givenUp ??= error
      },
    }
  }

  const send = (request: Outgoing, answering: Answering): Sending => {
    const connection = pool.take()
    if (!connection) return sendNew(request, answering)
    return connection.send(request, answering)
  }
  return { identity, send, retire: pool.retire, destroy: pool.destroy }
}

/** The open connections, those that are free last used last. */
function createPool() {
  const all = new Set<Connection>()
  const connecting = new Set<Socket>()
  let free: Connection[] = []
  let isRetired = false

  const closeOld = () => {
    const now = performance.now()
    for (const connection of free) {
      if (now - connection.freeSince >= connection.idleFor) connection.close()
    }
    free = free.filter(({ isOpen }) => isOpen)
  }
  const looking = setInterval(closeOld, LOOK).unref()

  /** The one that was used last, so that those that are not needed grow old. */
  const take = (): Connection | undefined => {
    let connection = free.pop()
    while (connection && !connection.isOpen) connection = free.pop()
    return connection
  }
  const onFree = (connection: Connection) => {
    if (isRetired || connection.idleFor <= 0) return connection.close()
    connection.freeSince = performance.now()
    free.push(connection)
  }
  const onClosed = (connection: Connection) => {
    all.delete(connection)
    const at = free.indexOf(connection)
    if (at !== -1) free.splice(at, 1)
  }
  const retire = () => {
    isRetired = true
    clearInterval(looking)
    for (const connection of all) connection.close()
  }
  const destroy = () => {
    retire()
    for (const connection of all) connection.destroy()
    for (const socket of connecting) socket.destroy(closed())
  }
  return { all, connecting, take, onFree, onClosed, retire, destroy }
}
