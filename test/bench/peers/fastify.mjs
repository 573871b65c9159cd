import { readFileSync } from 'node:fs'
import proxy from '@fastify/http-proxy'
import { createVerifier } from 'fast-jwt'
import Fastify, { LogController } from 'fastify'
import { bearerOf, hasScope, headersFor, logger, options, requestIdOf } from './work.mjs'

const verify = createVerifier({
  key: readFileSync(options.keyFile),
  algorithms: ['RS256'],
  allowedIss: options.issuer,
  allowedAud: options.audience,
  requiredClaims: ['iss', 'aud', 'exp', 'sub', 'client_id'],
  cache: options.remembered,
})

const app = Fastify({
  loggerInstance: logger,
  logController: new LogController({ disableRequestLogging: true }),
  genReqId: ({ headers }) => requestIdOf(headers),
  keepAliveTimeout: options.keepAlive,
})

app.decorateRequest('claims', null)

app.addHook('onResponse', (request, reply, done) => {
  const fields = {
    requestId: request.id,
    clientId: request.claims?.client_id,
    method: request.method,
    path: request.url,
    status: reply.statusCode,
    durationMs: reply.elapsedTime,
  }
  logger.info(fields, 'request')
  done()
})

function authorize(request, reply, done) {
  reply.header('x-request-id', request.id)
  try {
    request.claims = verify(bearerOf(request.headers) ?? '')
  } catch {
    reply.code(401).send({ error: 'invalid_token' })
    return
  }
  if (hasScope(request.claims)) done()
  else reply.code(403).send({ error: 'insufficient_scope' })
}

app.register(proxy, {
  upstream: options.upstream,
  undici: { connections: 1024, pipelining: 1, keepAliveTimeout: options.keepAlive },
  disableRequestLogging: true,
  preHandler: authorize,
  replyOptions: {
    rewriteRequestHeaders: (request, headers) =>
      headersFor(request, headers, request.claims, request.id),
  },
  websocket: true,
  wsClientOptions: {
    rewriteRequestHeaders: (headers, request) =>
      headersFor(request, headers, request.claims, request.id),
  },
})

await app.listen({ port: options.port, host: '127.0.0.1', backlog: 4096 })
