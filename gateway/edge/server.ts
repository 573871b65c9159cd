import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Denial, deny, statusOf } from '../policy/denial.ts'
import type { Policy } from '../policy/policy.ts'
import { asksForWebSocket, MAX_TARGET } from '../policy/request.ts'
import { timerLimit } from '../timer.ts'
import { beginRecord, type EdgeTools, noteDenial } from './conversation.ts'
import { handleRequest } from './exchange.ts'
import { http1Caller } from './http1.ts'
import { problem } from './problem.ts'
import { createTurns } from './turns.ts'
import { endWith, handleUpgrade } from './upgrade.ts'

/**
 * Bytes of target and headers that Node takes: room for what the gateway itself will refuse, since the
 * parser cannot say which of the two was too long.
 */
const PARSER_LIMIT = 128 * 1024

/** How often Node looks for connections whose headers are late, in milliseconds. */
const CHECK_INTERVAL = 500

export interface EdgeServer {
  readonly server: Server
  /** Connections that have left HTTP, which `server` knows nothing of any more. */
  readonly upgraded: ReadonlySet<Socket>
}

/** The server that callers meet: plain `node:http`, with each of its lax defaults closed. */
export function createEdgeServer(tools: EdgeTools, limits: Policy['limits']): EdgeServer {
  const turns = createTurns()
  const server = createServer({
    // Refused by the gateway instead, as a problem document (contract 5).
    requireHostHeader: false,
    maxHeaderSize: PARSER_LIMIT,
    headersTimeout: timerLimit(limits.headerTimeout),
    // A long upload is no fault; what counts is how long its sender pauses (`upstream/body.ts`).
    requestTimeout: 0,
    keepAliveTimeout: timerLimit(limits.keepAlive),
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL, limits.headerTimeout),
    // Behind a request that still waits for its answer, an upgrade is served as the GET that it is.
    shouldUpgradeCallback: ({ method = '', httpVersion, rawHeaders, socket }) =>
      httpVersion === '1.1' && turns.isIdle(socket) && asksForWebSocket(method, rawHeaders),
  })
  // Node drops what is beyond this without a word; the gateway counts for itself.
  server.maxHeadersCount = 0
  server.maxConnections = limits.connections

  const served = new WeakMap<Socket, number>()
  const handle = (incoming: IncomingMessage, response: ServerResponse) => {
    const count = (served.get(incoming.socket) ?? 0) + 1
    served.set(incoming.socket, count)
    if (count >= tools.current().policy.limits.connectionRequests) response.shouldKeepAlive = false
    turns.take(incoming.socket, { incoming, response }, () => {
      handleRequest(tools, http1Caller(incoming, response))
    })
  }
  server.on('request', handle)
  // `Expect` is the gateway's to answer: 100 once the request is allowed, anything else is ignored.
  server.on('checkContinue', handle)
  server.on('checkExpectation', handle)
  const upgraded = new Set<Socket>()
  const leaveHttp = (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    upgraded.add(socket)
    // Node has taken its own listeners away.
    socket.on('error', () => socket.destroy())
    socket.once('close', () => upgraded.delete(socket))
    turns.afterUnfinished(socket, () => handleUpgrade(tools, incoming, socket, head))
  }
  server.on('upgrade', leaveHttp)
  server.on('connect', leaveHttp)
  // Node tells again with every packet that follows.
  const givenUp = new WeakSet<Socket>()
  server.on('clientError', (error: ParserError, socket: Socket) => {
    if (givenUp.has(socket)) return
    givenUp.add(socket)
    turns.afterUnfinished(socket, () => refuseUnparsed(tools, error, socket))
  })
  return { server, upgraded }
}

interface ParserError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer
}

function refuseUnparsed(tools: EdgeTools, error: ParserError, socket: Socket): void {
  // A connection that was only opened, perhaps in store, is owed no answer.
  if (!socket.writable || socket.bytesRead === 0 || SILENT.has(error.code ?? '')) {
    socket.destroy()
    return
  }
  const record = beginRecord({ ...NOTHING, peer: socket.remoteAddress ?? '' })
  const denial = denialOf(error, tools.current().policy.limits)
  // The headers were not parsed; whether a browser is asking can still be seen.
  const crossOrigin = /\r\norigin:/i.test(error.rawPacket?.toString('latin1') ?? '')
  endWith(socket, problem(denial, record.requestId, crossOrigin))
  noteDenial(record, denial)
  tools.record({ ...record, status: statusOf(denial) })
}

/** The caller is gone, or has said itself that nothing more will come. */
const SILENT = new Set(['ECONNRESET', 'EPIPE', 'HPE_CLOSED_CONNECTION', 'HPE_INVALID_EOF_STATE'])

const NOTHING = { method: '', target: '', httpVersion: '', headers: [], encrypted: false }

function denialOf({ code, rawPacket }: ParserError, { headerSize }: Policy['limits']): Denial {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return deny('request_timeout', 'The headers of the request did not arrive in time')
  }
  if (code === 'HPE_INVALID_URL') {
    return deny('path_ambiguous', 'The request target holds a character that no URI may hold')
  }
  if (code !== 'HPE_HEADER_OVERFLOW') {
    return deny('request_malformed', 'This is not a well-formed HTTP/1.1 request')
  }
  // The parser does not say which it was. Headers of this size come in lines.
  const isTarget = rawPacket !== undefined && !/[\r\n]/.test(rawPacket.toString('latin1'))
  return isTarget
    ? deny('target_too_long', `The longest request target is ${MAX_TARGET} bytes`)
    : deny('headers_too_large', `The header block has at most ${headerSize} bytes`)
}
