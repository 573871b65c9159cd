import { type IncomingMessage, ServerResponse } from 'node:http'
import type { RawRequest } from '../model.ts'
import type { Caller, EdgeTools } from './conversation.ts'
import { handleRequest } from './exchange.ts'
import { lingerAfter } from './linger.ts'
import type { Turn, Turns } from './turns.ts'

/** A request of HTTP/1.1 or HTTP/1.0. */
export class Http1Request implements Turn, Caller {
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  readonly raw: RawRequest
  readonly #tools: EdgeTools
  readonly #turns: Turns

  constructor(tools: EdgeTools, turns: Turns, incoming: IncomingMessage, response: ServerResponse) {
    this.incoming = incoming
    this.response = response
    this.raw = rawRequestOf(incoming)
    this.#tools = tools
    this.#turns = turns
  }

  run(): void {
    const { incoming, response } = this
    const { headers } = incoming
    if ('content-length' in headers || 'transfer-encoding' in headers) {
      lingerAfter(response, incoming)
    }
    // Node does not read on behind an upgrade that was not taken up.
    if (headers.upgrade !== undefined) response.shouldKeepAlive = false
    handleRequest(this.#tools, this)
  }

  get waits(): boolean {
    const { headers, httpVersion } = this.incoming
    const { expect } = headers
    return expect !== undefined && httpVersion === '1.1' && /^100-continue$/i.test(expect)
  }

  hasMore(): boolean {
    return this.#turns.hasMore(this.incoming.socket)
  }
}

export const rawRequestOf = (incoming: IncomingMessage): RawRequest => ({
  method: incoming.method ?? '',
  target: incoming.url ?? '',
  httpVersion: incoming.httpVersion,
  headers: incoming.rawHeaders,
  peer: incoming.socket.remoteAddress ?? '',
  encrypted: 'encrypted' in incoming.socket,
})

/** Node's own writes the head as UTF-8 where nothing follows at once; values of headers are latin1. */
export class Latin1Response<T extends IncomingMessage> extends ServerResponse<T> {
  override flushHeaders(): void {
    this.write('', 'latin1')
  }
}
