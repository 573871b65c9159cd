import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Stream,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Caller, EdgeTools } from './conversation.ts'
import { handleRequest } from './exchange.ts'
import { lifeOf } from './http2-life.ts'
import { http2Request } from './http2-request.ts'
import { http2Body, http2Response } from './http2-stream.ts'

/**
 * What one session may cost. nghttp2 itself lets go of sessions that flood it with PING, SETTINGS or
 * CONTINUATION, and Node of those that go on breaking the rules.
 */
const SESSION_OPTIONS = {
  settings: {
    enablePush: false,
    maxConcurrentStreams: 100,
    // In bytes, of names and values; the gateway itself refuses what is beyond `limits.headerSize`.
    maxHeaderListSize: 128 * 1024,
    // What is kept of each body that the upstream does not read.
    initialWindowSize: 64 * 1024,
  },
  maxHeaderListPairs: 1_000,
  maxSessionInvalidFrames: 100,
  // Streams that are reset by the caller: so many at once, and so many a second.
  streamResetBurst: 200,
  streamResetRate: 33,
  // An upstream may send a header twice that should be there once; it is passed on as it is.
  strictSingleValueFields: false,
}

/** Bytes under way on one session, of all its bodies. */
const SESSION_WINDOW = 1024 * 1024

/** The HTTP/2 sessions of a server. */
export interface Sessions {
  /** Begins a session on a connection that has agreed on HTTP/2. */
  readonly accept: (socket: TLSSocket) => void
  /** Tells each session that nothing new is begun on it (GOAWAY); what is in flight goes on. */
  readonly close: () => void
}

export function createSessions(tools: EdgeTools): Sessions {
  const all = new Set<() => void>()
  const accept = (socket: TLSSocket) => {
    if (socket.destroyed) return
    const leave = runSession(socket, tools)
    all.add(leave)
    socket.once('close', () => all.delete(leave))
  }
  const close = () => {
    for (const leave of all) leave()
  }
  return { accept, close }
}

/** Serves one session; what is returned ends it, when nothing is in flight any more. */
function runSession(socket: TLSSocket, tools: EdgeTools): () => void {
  const limits = () => tools.current().policy.limits
  const peer = socket.remoteAddress ?? ''
  const session = performServerHandshake(socket, SESSION_OPTIONS)
  session.setLocalWindowSize(SESSION_WINDOW)
  // Whoever was served sees its own stream end.
  session.on('error', () => {})
  const { leave, hold } = lifeOf(session, socket, limits)
  let served = 0

  session.on('stream', (stream, headers, _flags, fields) => {
    // Reset in the same breath.
    if (stream.destroyed || stream.closed) {
      stream.on('error', () => {}).destroy()
      return
    }
    hold(stream)
    const { connectionRequests, keepAlive } = limits()
    handleRequest(tools, http2Caller(stream, headers, fields, peer, keepAlive))
    served += 1
    if (served >= connectionRequests) session.close()
  })
  return leave
}

function http2Caller(
  stream: ServerHttp2Stream,
  { expect = '' }: IncomingHttpHeaders,
  fields: readonly string[],
  peer: string,
  maxPause: number,
): Caller {
  const raw = http2Request(fields, { bodyFollows: !stream.endAfterHeaders, peer })
  return {
    raw,
    incoming: http2Body(stream),
    response: http2Response(stream, { isHead: raw.method === 'HEAD', maxPause }),
    waits: /^100-continue$/i.test(expect),
    // Requests of one connection do not wait for each other.
    hasMore: () => false,
  }
}
