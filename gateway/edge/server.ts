import { createServer, type Server, type ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { Policy } from '../policy/policy.ts'
import { asksForWebSocket } from '../policy/request.ts'
import { timerLimit } from '../timer.ts'
import type { EdgeTools } from './conversation.ts'
import { serveHttp1 } from './http1.ts'
import { Latin1Response } from './http1-request.ts'
import { createSessions } from './http2.ts'
import { createTlsServer } from './tls.ts'
import { countTraffic, type Traffic } from './traffic.ts'
import { createTurns, type Turns } from './turns.ts'

/**
 * Bytes of target and headers that Node takes: room for what the gateway itself will refuse, since the
 * parser cannot say which of the two was too long.
 */
const PARSER_LIMIT = 128 * 1024

/** How often Node looks for connections whose headers are late, in milliseconds. */
const CHECK_INTERVAL = 500

export interface EdgeServer {
  readonly server: Server
  /** Takes over what a new policy says of connections. */
  readonly adopt: (policy: Policy) => void
  /** Lets go of connections that nothing is in flight on. */
  readonly closeIdle: () => void
  /** Cuts every connection, whatever it is used for. */
  readonly closeAll: () => void
  readonly takeTraffic: () => Traffic
}

/**
 * The server that callers meet: Node's, with each of its lax defaults closed, and with TLS and HTTP/2
 * where the policy has a certificate.
 */
export function createEdgeServer(tools: EdgeTools, policy: Policy): EdgeServer {
  const turns = createTurns()
  const sessions = createSessions(tools)
  const options = optionsFor(policy.limits, turns)
  let { tls: shown } = policy
  const tls = shown && createTlsServer(options, shown, policy.limits, tools, sessions.accept)
  const server = tls?.server ?? createServer(options)
  // Node drops what is beyond this without a word; the gateway counts for itself.
  server.maxHeadersCount = 0
  serveHttp1(server, turns, tools)

  const sockets = new Set<Socket>()
  const traffic = countTraffic(sockets)
  server.on('connection', (socket: Socket) => {
    if (!knowsPeer(socket)) return
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      traffic.close(socket)
    })
  })
  server.prependListener('secureConnection', knowsPeer)
  const adopt = (next: Policy) => {
    server.headersTimeout = timerLimit(next.limits.headerTimeout)
    server.keepAliveTimeout = timerLimit(next.limits.keepAlive)
    server.maxConnections = next.limits.connections
    if (!next.tls || (next.tls.cert === shown?.cert && next.tls.key === shown.key)) return
    shown = next.tls
    tls?.show(shown)
  }
  const closeIdle = () => {
    server.closeIdleConnections()
    sessions.close()
    tls?.closeHandshakes()
  }
  const closeAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  adopt(policy)
  return { server, adopt, closeIdle, closeAll, takeTraffic: traffic.take }
}

/**
 * Node asks the system for the address of a peer when it is first read, and the system no longer knows it
 * once the caller has reset the connection: what the caller sent would go on without it.
 */
function knowsPeer(socket: Socket): boolean {
  const known = socket.remoteAddress !== undefined
  if (!known) socket.destroy()
  return known
}

const optionsFor = ({ headerTimeout }: Policy['limits'], turns: Turns): ServerOptions => ({
  ServerResponse: Latin1Response,
  // Refused by the gateway instead, as a problem document (contract 5).
  requireHostHeader: false,
  // A request without a body is no stream to Node: that costs a tenth of a small request.
  optimizeEmptyRequests: true,
  maxHeaderSize: PARSER_LIMIT,
  // A long upload is no fault; how long one may be is `upstream/body.ts`'s to say.
  requestTimeout: 0,
  connectionsCheckingInterval: Math.min(CHECK_INTERVAL, headerTimeout),
  // Behind a request that still waits for its answer, an upgrade is served as the GET that it is.
  shouldUpgradeCallback: ({ method = '', httpVersion, rawHeaders, socket }) =>
    httpVersion === '1.1' && turns.isIdle(socket) && asksForWebSocket(method, rawHeaders),
})
