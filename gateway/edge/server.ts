import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { gate } from '../gate.ts'
import { ANSWERS, type Denial, deny, isDenial } from '../policy/denial.ts'
import type { Policy } from '../policy/policy.ts'
import { MAX_HEADER_BLOCK, MAX_TARGET } from '../policy/request.ts'
import { timerLimit } from './clock.ts'
import { beginRecord, type EdgeTools, handleRequest, noteDenial, rawRequestOf } from './exchange.ts'
import { rawProblem } from './problem.ts'
import { createTurns } from './turns.ts'

/** Room for what the gateway itself will refuse, so that it is refused with its own words. */
const PARSER_LIMIT = MAX_TARGET + MAX_HEADER_BLOCK + 8 * 1024

/** How often Node looks for connections whose headers are late, in milliseconds. */
const CHECK_INTERVAL = 500

/** The server that callers meet: plain `node:http`, with each of its lax defaults closed. */
export function createEdgeServer(tools: EdgeTools, limits: Policy['limits']): Server {
  const server = createServer({
    // Refused by the gateway instead, as a problem document (contract 5).
    requireHostHeader: false,
    maxHeaderSize: PARSER_LIMIT,
    headersTimeout: timerLimit(limits.headerTimeout),
    // A long upload is no fault; what counts is how long its sender pauses (`upstream/body.ts`).
    requestTimeout: 0,
    keepAliveTimeout: timerLimit(limits.keepAlive),
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL, limits.headerTimeout),
    shouldUpgradeCallback: () => false,
  })
  // Node drops what is beyond this without a word; the gateway counts for itself.
  server.maxHeadersCount = 0
  server.maxConnections = limits.connections

  const turns = createTurns()
  const handle = (incoming: IncomingMessage, response: ServerResponse) => {
    turns.take(incoming.socket, { incoming, response }, () => {
      handleRequest(tools, incoming, response)
    })
  }
  server.on('request', handle)
  // `Expect` is the gateway's to answer: 100 once the request is allowed, anything else is ignored.
  server.on('checkContinue', handle)
  server.on('checkExpectation', handle)
  server.on('connect', (incoming: IncomingMessage, socket: Duplex) => {
    refuseConnect(tools, incoming, socket)
  })
  server.on('clientError', (error: ParserError, socket: Socket) => {
    turns.afterUnfinished(socket, () => refuseUnparsed(tools, error, socket))
  })
  return server
}

interface ParserError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer
}

function refuseUnparsed(tools: EdgeTools, error: ParserError, socket: Socket): void {
  if (!socket.writable || SILENT.has(error.code ?? '')) {
    socket.destroy()
    return
  }
  const record = beginRecord({ ...NOTHING, peer: socket.remoteAddress ?? '' })
  const denial = denialOf(error)
  endWith(socket, denial, record.requestId)
  noteDenial(record, denial)
  tools.record({ ...record, status: ANSWERS[denial.denied].status })
}

/** The caller is gone, or has said itself that nothing more will come. */
const SILENT = new Set(['ECONNRESET', 'EPIPE', 'HPE_CLOSED_CONNECTION'])

const NOTHING = { method: '', target: '', httpVersion: '', headers: [], encrypted: false }

function denialOf({ code, rawPacket }: ParserError): Denial {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return deny('request_timeout', 'The headers of the request did not arrive in time')
  }
  if (code === 'HPE_INVALID_URL') {
    return deny('path_ambiguous', 'The request target holds a character that no URI may hold')
  }
  if (code !== 'HPE_HEADER_OVERFLOW') {
    return deny('request_malformed', 'This is not a well-formed HTTP/1.1 request')
  }
  // The parser does not say which it was; the packet does, where it holds the request line.
  const [, target = ''] = /^[A-Z-]+ ([^\r\n ]*)/.exec(rawPacket?.toString('latin1') ?? '') ?? []
  return target.length > MAX_TARGET
    ? deny('target_too_long', `The longest request target is ${MAX_TARGET} bytes`)
    : deny('headers_too_large', `The header block has at most ${MAX_HEADER_BLOCK} bytes`)
}

/** CONNECT has an event of its own, and is refused like any other request that no route takes. */
function refuseConnect(tools: EdgeTools, incoming: IncomingMessage, socket: Duplex): void {
  const raw = rawRequestOf(incoming)
  const record = beginRecord(raw)
  const { policy, verifyToken } = tools.current()
  const verdict = gate(policy, raw, verifyToken)
  if (!isDenial(verdict)) {
    socket.destroy()
    return
  }
  endWith(socket, verdict, record.requestId)
  noteDenial(record, verdict)
  tools.record({ ...record, status: ANSWERS[verdict.denied].status })
}

/** Answers on a bare socket and ends it: read on for a moment, so that the answer is not reset away. */
function endWith(socket: Duplex, denial: Denial, requestId: string = randomUUID()): void {
  socket.on('error', () => socket.destroy())
  socket.end(rawProblem(denial, requestId))
  socket.resume()
  setTimeout(() => socket.destroy(), 1_000).unref()
}
