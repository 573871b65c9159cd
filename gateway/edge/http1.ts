import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { EdgeTools } from './conversation.ts'
import { Http1Request } from './http1-request.ts'
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
    turns.take(new Http1Request(tools, turns, incoming, response))
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
