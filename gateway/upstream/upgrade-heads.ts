import type { ClientRequest, IncomingMessage } from 'node:http'
import type { UpstreamRequest } from '../model.ts'
import { answerHeaders } from './answer-headers.ts'

/** Writes path and headers of an upgrade as they are to be sent, over what http-proxy-3 made of them. */
export function writeRequest(
  proxyRequest: ClientRequest,
  { target, headers }: UpstreamRequest,
): void {
  proxyRequest.path = target
  for (const name of proxyRequest.getHeaderNames()) proxyRequest.removeHeader(name)
  for (let i = 0; i < headers.length; i += 2) {
    proxyRequest.appendHeader(headers[i] as string, headers[i + 1] as string)
  }
  proxyRequest.setHeader('Connection', 'Upgrade')
  proxyRequest.setHeader('Upgrade', 'websocket')
}

/** http-proxy-3 writes what it finds in `headers`: all values of each name, those for this hop aside. */
export function cleanAnswer(answer: IncomingMessage, requestId: string): void {
  const list = answerHeaders(answer.rawHeaders, requestId)
  const headers = new Map<string, string[]>()
  for (let i = 0; i < list.length; i += 2) {
    const name = (list[i] as string).toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), list[i + 1] as string])
  }
  headers.delete('content-length')
  headers.set('connection', ['Upgrade'])
  headers.set('upgrade', ['websocket'])
  Object.assign(answer, { headers: Object.fromEntries(headers) })
}
