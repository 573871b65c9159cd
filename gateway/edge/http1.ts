import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Caller, type EdgeTools, rawRequestOf } from './conversation.ts'
import { handleRequest } from './exchange.ts'
import { lingerAfter } from './linger.ts'
import type { Turns } from './turns.ts'
import { type ParserError, refuseUnparsed } from './unparsed.ts'
import { handleUpgrade } from './upgrade.ts'

/** Serves what Node's HTTP/1.1 parser finds on the connections of a server, and what it cannot read. */
export function serveHttp1(server: Server, turns: Turns, tools: EdgeTools): void {
  const served = new WeakMap<Socket, number>()
  const handle = (incoming: IncomingMessage, response: ServerResponse) => {
    const count = (served.get(incoming.socket) ?? 0) + 1
    served.set(incoming.socket, count)
    if (count >= tools.current().policy.limits.connectionRequests) response.shouldKeepAlive = false
    turns.take(incoming.socket, { incoming, response }, () => {
      const hasMore = () => turns.hasMore(incoming.socket)
      handleRequest(tools, { ...http1Caller(incoming, response), hasMore })
    })
  }
  server.on('request', handle)
  // `Expect` is the gateway's to answer: 100 once the request is allowed, anything else is ignored.
  server.on('checkContinue', handle)
  server.on('checkExpectation', handle)
  const leaveHttp = (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    // Node has taken its own listeners away.
    socket.on('error', destroyIt)
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
}

/** Knows of no request: it may listen for days. */
function destroyIt(this: Socket): void {
  this.destroy()
}

/** A request of HTTP/1.1 or HTTP/1.0. */
function http1Caller(incoming: IncomingMessage, response: ServerResponse): Omit<Caller, 'hasMore'> {
  const { headers } = incoming
  if ('content-length' in headers || 'transfer-encoding' in headers) lingerAfter(response, incoming)
  // Node does not read on behind an upgrade that was not taken up.
  if (headers.upgrade !== undefined) response.shouldKeepAlive = false
  response.flushHeaders = flushLatin1
  const { expect } = headers
  const waits =
    expect !== undefined && incoming.httpVersion === '1.1' && /^100-continue$/i.test(expect)
  return { raw: rawRequestOf(incoming), incoming, response, waits }
}

/** Node's own writes the head as UTF-8 where nothing follows at once; values of headers are latin1. */
function flushLatin1(this: ServerResponse): void {
  this.write('', 'latin1')
}
