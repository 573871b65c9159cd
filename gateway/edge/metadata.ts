import type { HostPolicy, Policy } from '../policy/policy.ts'
import type { Answer } from './problem.ts'

/** The protected resource metadata of a host (RFC 9728 §2), with the audiences to ask Feide for. */
export function resourceMetadata(
  resource: string,
  { issuer }: Policy,
  { dataSources, scopes }: HostPolicy,
  requestId: string,
): Answer {
  const body = JSON.stringify({
    resource,
    authorization_servers: [issuer.url],
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
    audiences: [...new Set(dataSources.flatMap(({ audiences }) => audiences))],
  })
  const headers = [
    'Content-Type',
    'application/json',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Access-Control-Allow-Origin',
    '*',
    'X-Request-Id',
    requestId,
  ]
  return { status: 200, headers, body }
}
