import type {
  DataSource,
  GatewayRequest,
  ParsedToken,
  Permit,
  RawRequest,
  Route,
  VerifiedToken,
} from './model.ts'
import { decide, permitPreflight, permitPublic } from './policy/access.ts'
import { type Denial, deny, isDenial } from './policy/denial.ts'
import { readMessage } from './policy/message.ts'
import type { HostPolicy, Policy } from './policy/policy.ts'
import { findHost, readRequest } from './policy/request.ts'
import { RESOURCE_METADATA_PATH } from './policy/route-key.ts'
import { matchPreflight, matchRoute } from './policy/routes.ts'
import { parseToken, readBearer } from './token/bearer.ts'

/** Verifies a bearer token for a route's data source; `explain` has one that takes bare claims. */
export type VerifyToken = (
  token: ParsedToken,
  dataSource: DataSource,
) => VerifiedToken | Denial | Promise<VerifiedToken | Denial>

/** A JWT for an opaque token; `undefined` where the data source does not have them exchanged. */
export type ExchangeOpaque = (
  dataSource: DataSource,
  opaque: string,
) => string | Denial | Promise<string | Denial> | undefined

/** What the gate asks about tokens. */
export interface TokenTools {
  readonly verifyToken: VerifyToken
  /** A bearer token that was verified for the data source before, and still is what it was. */
  readonly recallToken?: (bearer: string, dataSource: DataSource) => VerifiedToken | undefined
  readonly exchangeOpaque?: ExchangeOpaque
}

/** What may happen with a request that was not refused. */
export type Admission =
  /** It goes to the upstream of the permit's route. */
  | { readonly kind: 'forward'; readonly permit: Permit; readonly request: GatewayRequest }
  /** The gateway answers with the host's protected resource metadata (RFC 9728). */
  | { readonly kind: 'metadata'; readonly host: HostPolicy; readonly request: GatewayRequest }

type Verdict = Admission | Denial

/** The whole decision: request -> route -> token -> permit. No I/O but what the token tools do. */
export function gate(
  policy: Policy,
  raw: RawRequest,
  tools: TokenTools,
): Verdict | Promise<Verdict> {
  const message = readMessage(raw, policy.limits)
  if (isDenial(message)) return message
  const host = findHost(policy, message.host)
  if (isDenial(host)) return refusesAnyway(raw) ? refuseMethod('') : host
  const request = readRequest(raw, message, pathRulesOf(host), policy.trustedProxies)
  if (isDenial(request)) return refusesAnyway(raw) ? refuseMethod('') : request
  if (isMetadata(request)) return { kind: 'metadata', host, request }

  const found = findRoute(host, request)
  if (isDenial(found)) return request.path === RESOURCE_METADATA_PATH ? READ_ONLY : found
  const asked: Asked = { request, route: found.route, tools }
  if (found.preflight) return forward(asked, permitPreflight(found.route))
  const bearer = readBearer(request.headers, request.query)
  if (isDenial(bearer)) return refuse(asked, bearer)
  return bearer === undefined ? withoutToken(asked) : withToken(asked, bearer)
}

/** A request with a route, and what there is to be asked about its token. */
interface Asked {
  readonly request: GatewayRequest
  readonly route: Route
  readonly tools: TokenTools
}

const refuse = ({ request, route }: Asked, denial: Denial): Denial => ({
  ...denial,
  route,
  resource: resourceOf(request),
})

const forward = (asked: Asked, permit: Permit): Verdict =>
  fitsBody(asked.request, asked.route)
    ? { kind: 'forward', permit, request: asked.request }
    : refuse(asked, TOO_LARGE)

const withoutToken = (asked: Asked): Verdict =>
  asked.route.access.kind === 'public'
    ? forward(asked, permitPublic(asked.route))
    : refuse(asked, NO_TOKEN)

function withToken(asked: Asked, bearer: string): Verdict | Promise<Verdict> {
  const verdict = check(asked, bearer)
  if (!isOpaque(verdict)) return verdict
  const { route, tools } = asked
  const jwt = tools.exchangeOpaque?.(route.dataSource, bearer)
  if (jwt === undefined) return refuse(asked, exchangeFirst(route))
  return jwt instanceof Promise
    ? jwt.then(later => checkExchanged(asked, later))
    : checkExchanged(asked, jwt)
}

const checkExchanged = (asked: Asked, jwt: string | Denial): Verdict | Promise<Verdict> =>
  isDenial(jwt) ? refuse(asked, jwt) : check(asked, jwt)

function check(asked: Asked, jwt: string): Verdict | Promise<Verdict> {
  const { route, tools } = asked
  const known = tools.recallToken?.(jwt, route.dataSource)
  if (known) return finish(asked, known)
  const token = parseToken(jwt)
  if (isDenial(token)) return refuse(asked, token)
  const verified = tools.verifyToken(token, route.dataSource)
  return verified instanceof Promise
    ? verified.then(later => finish(asked, later))
    : finish(asked, verified)
}

function finish(asked: Asked, verified: VerifiedToken | Denial): Verdict {
  if (isDenial(verified)) return refuse(asked, verified)
  const permit = decide(asked.route, verified)
  return isDenial(permit) ? refuse(asked, permit) : forward(asked, permit)
}

const isOpaque = (verdict: unknown): boolean =>
  isDenial(verdict) && verdict.denied === 'token_opaque'

/** TRACE and CONNECT are refused whatever their target, also where it cannot be read at all. */
const refusesAnyway = ({ method }: RawRequest) => method === 'TRACE' || method === 'CONNECT'

const refuseMethod = (allow: string) =>
  deny('method_not_allowed', 'TRACE and CONNECT are never passed on', { allow })

/** All data sources of a host have the same rules. */
const pathRulesOf = ({ dataSources }: HostPolicy) =>
  (dataSources[0] as HostPolicy['dataSources'][number]).paths

const isMetadata = ({ method, path }: GatewayRequest) =>
  path === RESOURCE_METADATA_PATH && (method === 'GET' || method === 'HEAD')

const READ_ONLY = deny('method_not_allowed', 'This document is read only', { allow: 'GET, HEAD' })

function findRoute(
  { table }: HostPolicy,
  { method, path, preflight }: GatewayRequest,
): { readonly route: Route; readonly preflight: boolean } | Denial {
  if (preflight) {
    const found = matchPreflight(table, path, preflight.asksFor)
    return isDenial(found) ? found : { route: found.route, preflight: !found.listed }
  }
  const route = matchRoute(table, method, path)
  return isDenial(route) ? route : { route, preflight: false }
}

/** Scheme and authority as the caller knows them: the `resource` of RFC 9728. */
export const resourceOf = ({ origin, authority }: GatewayRequest): string =>
  `${origin.proto}://${authority}`

/** A declared length; a body without one is measured as it comes (`upstream/body.ts`). */
const fitsBody = ({ body }: GatewayRequest, { dataSource }: Route): boolean =>
  body.kind !== 'length' || body.bytes <= dataSource.maxBody

const TOO_LARGE = deny('body_too_large', 'The body is larger than this API takes')

const NO_TOKEN = deny(
  'token_missing',
  'Send a JWT from Feide token exchange as `Authorization: Bearer <token>`',
)

/** Callers who knew the old gatekeeper send opaque tokens: tell them what to do. */
function exchangeFirst({ dataSource, access }: Route): Denial {
  const audience = dataSource.audiences.join(' or ')
  const [scopes] = access.kind === 'scopes' ? access.anyOf : []
  const asking = scopes ? ` and scope=${scopes.join(' ')}` : ''
  const detail =
    'This is an opaque Feide access token. Exchange it for a JWT at the token endpoint of Feide ' +
    `(RFC 8693) with audience=${audience}${asking}`
  return deny('token_opaque', detail)
}
