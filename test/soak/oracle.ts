import { type Identity, identityFor, UNWRITABLE } from './identity.ts'
import type { Route, Source } from './sources.ts'
import type { Person, Token } from './tokens.ts'

/** What must become of a request, by the policy and the token alone. */
export type Fate =
  | { readonly kind: 'allowed'; readonly identity: Identity }
  | { readonly kind: 'denied'; readonly code: string }

/** Who asks: nobody, a token of the pool, or one that is bad in a way that has a code. */
export type Bearer = Token | { readonly text: string; readonly code: string } | undefined

/** Seconds by which clocks may differ. */
const TOLERANCE = 5
/** Seconds that a request may take to be looked at. */
const UNSURE = 7

const denied = (code: string): Fate => ({ kind: 'denied', code })

export const isToken = (bearer: Bearer): bearer is Token =>
  bearer !== undefined && 'person' in bearer

/** @param now seconds since the epoch */
export function decide(source: Source, route: Route, bearer: Bearer, now: number): Fate {
  const { access } = route
  if (bearer === undefined) {
    return access.kind === 'public' ? allow(source, undefined) : denied('token_missing')
  }
  if (!isToken(bearer)) return denied(bearer.code)
  if (!bearer.sources.has(source.id)) return denied('token_audience')
  if (now > bearer.until) return denied('token_expired')
  if (now < bearer.from) return denied('token_not_yet_valid')
  if (access.kind !== 'scopes') return allow(source, bearer)
  const { scopes, userId, clientId }: Person = bearer.person
  const { anyOf, principal, clients } = access
  if (!anyOf.some(all => all.every(scope => scopes.includes(scope)))) return denied('scope_missing')
  if (principal === 'user' && userId === undefined) return denied('user_required')
  if (principal === 'system' && userId !== undefined) return denied('system_required')
  if (clients !== undefined && !clients.includes(clientId)) return denied('client_not_allowed')
  return allow(source, bearer)
}

function allow(source: Source, token: Token | undefined): Fate {
  const identity = identityFor(source, token)
  return identity === UNWRITABLE ? denied(UNWRITABLE) : { kind: 'allowed', identity }
}

/** A preflight goes to the API without token and credentials. */
export const decidePreflight = (source: Source): Fate => allow(source, undefined)

/** Nobody can tell what a token is good for around the moments at which that changes. */
export function isSure({ from, until }: Token, now: number): boolean {
  const far = (moment: number) => Math.abs(now - moment) > UNSURE
  return far(from - TOLERANCE) && far(until + TOLERANCE) && far(from) && far(until)
}
