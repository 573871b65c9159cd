import type {
  GatewayRequest,
  HeaderRules,
  Origin,
  Permit,
  Upstream,
  UpstreamRequest,
} from '../model.ts'
import { type Denial, isDenial } from './denial.ts'
import { nominated, SHADOW_HEADER } from './header-names.ts'
import { forwarded, identityHeaders } from './identity.ts'

/**
 * The request as the upstream gets it: what the caller sent less what is never taken from a caller,
 * then what the gateway says. In this order, so that nothing of a caller can touch what is injected.
 *
 * @param apiToken an opaque token of Feide's for the API itself
 */
export function upstreamRequest(
  permit: Permit,
  request: GatewayRequest,
  origin: Origin,
  requestId: string,
  apiToken?: string,
): UpstreamRequest | Denial {
  const { route, token, shadowed } = permit
  const identity = token ? token.identity : identityHeaders(route.dataSource, undefined)
  if (isDenial(identity)) return { ...identity, route, ...(token && { token }) }
  const { upstream, headers: rules } = route.dataSource
  const headers = ['Host', hostFor(upstream, origin, request)]
  if (request.body.kind === 'length') headers.push('Content-Length', String(request.body.bytes))
  copyFromCaller(headers, request, rules)
  headers.push(
    'X-Forwarded-For',
    request.origin.forwardedFor,
    'X-Forwarded-Proto',
    request.origin.proto,
    'X-Forwarded-Host',
    request.origin.forwardedHost,
    'X-Request-Id',
    requestId,
    ...identity,
  )
  const authorization = token && forwarded(token)
  if (authorization !== undefined) headers.push('Authorization', authorization)
  if (apiToken !== undefined && rules.profile) headers.push(rules.profile.token, apiToken)
  // Not with the identity, which is made once for each token.
  if (shadowed) headers.push(SHADOW_HEADER, shadowed.denied)
  const target = origin.basePath + request.path + request.query
  return { method: request.method, origin, target, headers }
}

function hostFor({ host }: Upstream, origin: Origin, request: GatewayRequest): string {
  if (host === 'upstream') return origin.host
  return host === 'preserve' ? request.authority : host.name
}

function copyFromCaller(into: string[], { headers, origin }: GatewayRequest, rules: HeaderRules) {
  const forThisHop = nominated(headers)
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (!rules.passes(name, origin.trusted)) continue
    if (forThisHop?.has(name.toLowerCase())) continue
    into.push(name, headers[i + 1] as string)
  }
}
