import type { Permit, Principal, Route, VerifiedToken } from '../model.ts'
import { type Denial, deny } from './denial.ts'

/** Only this function makes a permit. */
const permit = (route: Route, token: VerifiedToken | undefined, shadowed?: Denial): Permit =>
  ({ route, token, shadowed }) as Permit

/** A preflight goes on without token and credentials: legacy APIs do their own CORS. */
export const permitPreflight = (route: Route): Permit => permit(route, undefined)

/** A public route without a bearer. With one, the token is verified and `decide` is asked. */
export const permitPublic = (route: Route): Permit => permit(route, undefined)

/**
 * Whether a verified token may use a route: scopes (exact, case-sensitive), then the principal, then
 * the client (contract 3.6). Of these `enforce: false` lets a lack of the first two pass, marked; the
 * list of clients stands, and so does all that was asked about the token before.
 */
export function decide(route: Route, token: VerifiedToken): Permit | Denial {
  // Would be a fault of the gateway's own, and somebody else's identity headers.
  if (token.dataSource !== route.dataSource) throw new Error('a token of another data source')
  const lack = lackOf(route, token)
  if (lack && route.enforce) return lack
  if (route.clients && !route.clients.has(token.principal.clientId)) {
    const detail = 'The client that the token was issued to is not on the list of this route'
    return deny('client_not_allowed', detail, { route, token })
  }
  return permit(route, token, lack)
}

/** The first thing that a route asks for and a token does not have: scopes, or the principal. */
function lackOf(route: Route, token: VerifiedToken): Denial | undefined {
  const missing = missingScopes(route, token)
  if (missing) {
    const scope = missing.join(' ')
    return deny('scope_missing', `This route asks for: ${scope}`, { route, token, scope })
  }
  const principal = wrongPrincipal(route, token.principal)
  return principal && deny(principal, PRINCIPAL_DETAIL[principal], { route, token })
}

/** All scopes of the alternative of which fewest are missing; `undefined` when one is held in full. */
function missingScopes(route: Route, token: VerifiedToken): readonly string[] | undefined {
  if (route.access.kind !== 'scopes') return undefined
  let nearest: readonly string[] = []
  let fewest = Number.POSITIVE_INFINITY
  for (const alternative of route.access.anyOf) {
    const missing = alternative.filter(scope => !token.scopes.includes(scope)).length
    if (missing === 0) return undefined
    if (missing < fewest) [nearest, fewest] = [alternative, missing]
  }
  return nearest
}

const PRINCIPAL_DETAIL = {
  user_required: 'The token speaks for a system; this route asks for a token of a logged-in user',
  system_required: 'The token speaks for a user; this route asks for a token of a system',
} as const

function wrongPrincipal(
  route: Route,
  { kind }: Principal,
): keyof typeof PRINCIPAL_DETAIL | undefined {
  if (route.principal === 'user' && kind === 'system') return 'user_required'
  if (route.principal === 'system' && kind === 'user') return 'system_required'
  return undefined
}
