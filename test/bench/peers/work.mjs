// What both peers on Node do with a request besides verifying its token.
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'

export const options = JSON.parse(process.argv[2] ?? '{}')

/** Lines go out in batches, as pino recommends for production. */
export const logger = pino(
  { base: null },
  pino.destination({ sync: false, minLength: 4096, periodicFlush: 100 }),
)

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

export const requestIdOf = ({ 'x-request-id': given }) =>
  given !== undefined && REQUEST_ID.test(given) ? given : randomUUID()

const BEARER = /^bearer +(\S+)$/i

export const bearerOf = ({ authorization = '' }) => BEARER.exec(authorization)?.[1]

export const hasScope = ({ scope }) =>
  typeof scope === 'string' && scope.split(' ').includes(options.scope)

/** The caller's headers less what it may not say, and what the upstream is told instead. */
export function headersFor(request, headers, claims, requestId) {
  const told = {}
  for (const name of Object.keys(headers)) {
    if (!name.startsWith('x-dataporten-')) told[name] = headers[name]
  }
  const { sub, client_id: client, scope } = claims
  told.host = options.upstream.slice('http://'.length)
  told.authorization = options.authorization
  told['x-dataporten-gatekeeper'] = options.gatekeeper
  told['x-dataporten-clientid'] = client
  if (sub !== client) told['x-dataporten-userid'] = sub
  told['x-dataporten-scopes'] = scope.split(' ').sort().join(',')
  told['x-forwarded-for'] = request.socket.remoteAddress
  told['x-forwarded-proto'] = 'http'
  told['x-forwarded-host'] = request.headers.host
  told['x-request-id'] = requestId
  return told
}
