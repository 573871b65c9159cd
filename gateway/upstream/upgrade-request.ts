import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { createProxyServer } from 'http-proxy-3'
import type { UpstreamRequest } from '../model.ts'
import { plainAgent } from './plain-agent.ts'

/** One for all, which is told the origin with each request; no path is to be parsed, since none of it is used. */
const proxy = createProxyServer({ prependPath: false, toProxy: true })

/** In place of the callers' sockets, on which it would leave listeners for each origin that is tried. */
const nobody = new Socket()

/** What http-proxy-3 listens to on the request, to join the sockets or to answer in its own way. */
const ITS_EVENTS = ['upgrade', 'response', 'error']

/**
 * Sends an upgrade to its upstream with http-proxy-3, which is used for nothing else: it opens the
 * connection. Path and headers are written here, since it would run the path through `new URL` and fold
 * duplicate headers. What comes of it is for listeners of the gateway's alone: its own would hold the
 * whole handshake for as long as the WebSocket is open, end the connection of a caller that another
 * origin may still serve, and pass on a declined answer without back-pressure.
 *
 * @returns the request, which is on its way
 */
export function sendUpgrade(
  incoming: IncomingMessage,
  outgoing: UpstreamRequest,
  agent: Agent = plainAgent,
): ClientRequest {
  let request: ClientRequest | undefined
  const begun = (its: ClientRequest) => {
    request = its
    writeRequest(its, outgoing)
  }
  // It reads these two; the request that is sent has its own.
  incoming.url = '/'
  incoming.headers = { connection: 'Upgrade', upgrade: 'websocket' }
  proxy.once('proxyReqWs', begun)
  try {
    proxy.ws(incoming, nobody, NOTHING, { target: outgoing.origin.origin, agent })
  } catch (error) {
    // It says that it was destroyed; http-proxy-3 does not listen yet.
    request?.on('error', () => {}).destroy()
    throw error
  } finally {
    proxy.off('proxyReqWs', begun)
    nobody.removeAllListeners()
  }
  if (!request) throw new Error('http-proxy-3 has sent no upgrade')
  for (const event of ITS_EVENTS) request.removeAllListeners(event)
  return request
}

const NOTHING = Buffer.alloc(0)

function writeRequest(request: ClientRequest, { target, headers }: UpstreamRequest): void {
  request.path = target
  for (const name of request.getHeaderNames()) request.removeHeader(name)
  for (let i = 0; i < headers.length; i += 2) {
    request.appendHeader(headers[i] as string, headers[i + 1] as string)
  }
  request.setHeader('Connection', 'Upgrade')
  request.setHeader('Upgrade', 'websocket')
  // Node drops what is beyond this without a word.
  request.maxHeadersCount = 0
}
