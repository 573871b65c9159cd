import type { Socket } from 'node:net'
import { type Denial, deny, statusOf } from '../policy/denial.ts'
import type { Policy } from '../policy/policy.ts'
import { MAX_TARGET } from '../policy/request.ts'
import type { EdgeTools } from './conversation.ts'
import { problem } from './problem.ts'
import { beginRecord, noteDenial } from './record.ts'
import { endWith } from './upgrade.ts'

export interface ParserError extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer
}

/** Refuses what Node's parser gave up on, on the bare connection. */
export function refuseUnparsed(tools: EdgeTools, error: ParserError, socket: Socket): void {
  // A connection that was only opened, perhaps in store, is owed no answer.
  if (!socket.writable || socket.bytesRead === 0 || SILENT.has(error.code ?? '')) {
    socket.destroy()
    return
  }
  // The headers were not parsed; whether a browser is asking can still be seen.
  const crossOrigin = /\r\norigin:/i.test(error.rawPacket?.toString('latin1') ?? '')
  refuseBare(tools, socket, denialOf(error, tools.current().policy.limits), crossOrigin)
}

/** Refuses on a bare connection what is no request, and closes it. */
export function refuseBare(
  tools: EdgeTools,
  socket: Socket,
  denial: Denial,
  crossOrigin = false,
): void {
  const record = beginRecord({ ...NOTHING, peer: socket.remoteAddress ?? '' }, undefined)
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
