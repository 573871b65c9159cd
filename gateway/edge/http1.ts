import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Caller, rawRequestOf } from './conversation.ts'
import { lingerAfter } from './linger.ts'

/** A request of HTTP/1.1 or HTTP/1.0. */
export function http1Caller(incoming: IncomingMessage, response: ServerResponse): Caller {
  const { expect = '', upgrade } = incoming.headers
  lingerAfter(response, incoming)
  // Node does not read on behind an upgrade that was not taken up.
  if (upgrade !== undefined) response.shouldKeepAlive = false
  const waits = incoming.httpVersion === '1.1' && /^100-continue$/i.test(expect)
  return { raw: rawRequestOf(incoming), incoming, response, waits }
}
