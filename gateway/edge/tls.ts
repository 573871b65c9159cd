import type { Server, ServerOptions } from 'node:http'
import { createServer } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { deny } from '../policy/denial.ts'
import type { Policy } from '../policy/policy.ts'
import { timerLimit } from '../timer.ts'
import type { EdgeTools } from './conversation.ts'
import { refuseBare } from './unparsed.ts'

type Certificate = NonNullable<Policy['tls']>

export interface TlsServer {
  readonly server: Server
  /** Shows another certificate to whoever connects from now on. */
  readonly show: (certificate: Certificate) => void
  /** Lets go of connections that have not come as far as HTTP. */
  readonly closeHandshakes: () => void
}

const contextOf = ({ cert, key }: Certificate) => ({ cert, key, minVersion: 'TLSv1.2' as const })

/**
 * An HTTP/1.1 server behind TLS that hands connections over which have agreed on HTTP/2 (ALPN, RFC
 * 7301). `node:http2` has a server that serves both, but not with the limits of `node:https`.
 */
export function createTlsServer(
  options: ServerOptions,
  certificate: Certificate,
  limits: Policy['limits'],
  tools: EdgeTools,
  onHttp2: (socket: TLSSocket) => void,
): TlsServer {
  const server = createServer({
    ...options,
    ...contextOf(certificate),
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: timerLimit(limits.headerTimeout),
  })
  const handshakes = new Map<string, Socket>()
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket)
    handshakes.set(name, socket)
    socket.once('close', () => handshakes.delete(name))
  })

  const [serveHttp1] = server.listeners('secureConnection')
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', socket => {
    handshakes.delete(nameOf(socket))
    if (socket.alpnProtocol === 'h2') onHttp2(socket)
    else serveHttp1?.call(server, socket)
  })

  // Node's own would have it refused as a request that cannot be read.
  server.removeAllListeners('tlsClientError')
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const reason = REASONS[error.code ?? ''] ?? 'other'
    tools.metrics.tlsFailures.inc({ reason })
    const bare = handshakes.get(nameOf(socket))
    if (reason === 'plain_http' && bare) refuseBare(tools, bare, PLAIN_HTTP)
    socket.destroy()
  })
  return {
    server,
    show: certificate => server.setSecureContext(contextOf(certificate)),
    closeHandshakes: () => {
      for (const socket of handshakes.values()) socket.destroy()
    },
  }
}

/** A TLS socket does not tell which connection is below it. */
const nameOf = ({ remoteAddress, remotePort, localAddress }: Socket) =>
  `${remoteAddress} ${remotePort} ${localAddress}`

const PLAIN_HTTP = deny('request_malformed', 'This port speaks TLS: ask with https://')

/** Why no agreement was reached, for the metric. */
const REASONS: Readonly<Record<string, string>> = {
  ERR_SSL_HTTP_REQUEST: 'plain_http',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'version',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'protocol',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'timeout',
  ECONNRESET: 'gone',
}
