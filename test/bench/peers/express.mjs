import { readFileSync } from 'node:fs'
import { Agent, createServer } from 'node:http'
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { importSPKI, jwtVerify } from 'jose'
import { bearerOf, hasScope, headersFor, logger, options, requestIdOf } from './work.mjs'

const key = await importSPKI(readFileSync(options.keyFile, 'utf8'), 'RS256')
const { issuer, audience } = options
const expected = { issuer, audience, algorithms: ['RS256'], requiredClaims: ['exp', 'sub'] }

/** The status of the refusal; `undefined` when the request may go on, with other headers. */
async function refusal(request, requestId) {
  const verified = await jwtVerify(bearerOf(request.headers) ?? '', key, expected).catch(() => null)
  if (!verified) return 401
  if (!hasScope(verified.payload)) return 403
  request.clientId = verified.payload.client_id
  request.headers = headersFor(request, request.headers, verified.payload, requestId)
  return undefined
}

const proxy = createProxyMiddleware({
  target: options.upstream,
  agent: new Agent({ keepAlive: true, maxFreeSockets: 1024 }),
})

const app = express()
app.disable('x-powered-by')
app.use(async (request, response, next) => {
  const startedAt = performance.now()
  const requestId = requestIdOf(request.headers)
  const { method, url: path } = request
  response.once('finish', () => {
    const { statusCode: status } = response
    const durationMs = performance.now() - startedAt
    logger.info({ requestId, clientId: request.clientId, method, path, status, durationMs })
  })
  response.setHeader('x-request-id', requestId)
  const status = await refusal(request, requestId)
  if (status === undefined) next()
  else response.status(status).json({ error: 'refused' })
})
app.use(proxy)

const server = createServer({ keepAliveTimeout: options.keepAlive }, app)
server.on('upgrade', async (request, socket, head) => {
  const status = await refusal(request, requestIdOf(request.headers))
  if (status === undefined) proxy.upgrade(request, socket, head)
  else socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n\r\n`)
})
server.listen({ port: options.port, host: '127.0.0.1', backlog: 4096 })
