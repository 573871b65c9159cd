import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { timer } from '../timer.ts'
import { UpstreamFault } from './faults.ts'
import type { Inbox } from './inbox.ts'
import type { TlsIdentity } from './tls.ts'

/** Opens a connection; says once what came of it. What it returns may be destroyed meanwhile. */
export type Connect = (inbox: Inbox, done: (outcome: Socket | Error) => void) => Socket

/** Milliseconds without a byte after which the system asks whether the other side is still there. */
export const PROBE_AFTER = 60_000

/**
 * @param origin scheme, host and port
 * @param identity whom to ask for over TLS; plain HTTP without it
 * @param timeout milliseconds to connect, TLS included
 */
export function connector(
  origin: string,
  identity: TlsIdentity | undefined,
  timeout: number,
): Connect {
  const { hostname, port } = new URL(origin)
  const to = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (identity ? 443 : 80),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: PROBE_AFTER,
  }
  /** Of the last handshake: the next one is shorter (RFC 8446 §2.2). */
  let session: Buffer | undefined

  const open = ({ onread }: Inbox): Socket => {
    if (!identity) return connectTcp({ ...to, onread })
    const { servername = '', ...checks } = identity
    const resumed = session && { session }
    const secured = {
      ...to,
      onread,
      ...checks,
      servername,
      ...resumed,
      ALPNProtocols: ['http/1.1'],
    }
    return connectTls(secured).on('session', ticket => {
      session = ticket
    })
  }
  return (inbox, done) => {
    const socket = open(inbox)
    const late = timer(() =>
      socket.destroy(new UpstreamFault('timeout', `no connection within ${timeout} ms`)),
    )
    const settle = (outcome: Socket | Error) => {
      late.stop()
      socket.off('error', settle)
      done(outcome)
    }
    late.start(timeout)
    socket.on('error', settle)
    socket.once(identity ? 'secureConnect' : 'connect', () => settle(socket))
    return socket
  }
}
