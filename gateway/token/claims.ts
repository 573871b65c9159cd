import type { Claims, ParsedToken, Principal } from '../model.ts'
import { type Denial, deny, isDenial } from '../policy/denial.ts'

/** What a token is held against; times in seconds. */
export interface Expected {
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly algorithms: readonly string[]
  readonly clockTolerance: number
  readonly maxLifetime: number
}

/** What the gateway reads from the claims of a token, once they have the right form. */
export interface ReadClaims {
  readonly principal: Principal
  readonly scopes: readonly string[]
  /** Seconds since the epoch: `exp`, and the later one of `nbf` and `iat`. */
  readonly expiresAt: number
  readonly notBefore: number
}

const TYPES = new Set(['jwt', 'at+jwt', 'application/at+jwt'])

/** What the header of a token says about its signature. */
export interface SignedWith {
  readonly alg: string
  readonly kid: string | undefined
}

/** Checks the header (contract 3.3); `jku`, `x5u`, `jwk` and `x5c` are not read by anyone. */
export function checkHeader(
  { header }: ParsedToken,
  { algorithms }: Expected,
): SignedWith | Denial {
  const { alg, typ, kid } = header
  if (typeof alg !== 'string' || !algorithms.includes(alg)) {
    return deny('token_algorithm', `Accepted algorithms: ${algorithms.join(', ')}`)
  }
  if (typ !== undefined && !(typeof typ === 'string' && TYPES.has(typ.toLowerCase()))) {
    return malformed('its `typ` is not that of an access token')
  }
  // RFC 7515 §4.1.11, RFC 7797: extensions that must be understood, and are not.
  if (Object.hasOwn(header, 'crit')) return malformed('it has the header `crit`')
  if (Object.hasOwn(header, 'b64')) return malformed('it has the header `b64`')
  if (kid !== undefined && typeof kid !== 'string') return malformed('its `kid` is not a string')
  return { alg, kid }
}

const malformed = (why: string) => deny('token_malformed', `The token is malformed: ${why}`)

const wrong = (why: string) => deny('token_claims', `A claim of the token is wrong: ${why}`)

/**
 * Checks the claims (contract 3.4), in the order of the contract.
 *
 * @param now seconds since the epoch
 */
export function checkClaims(claims: Claims, expected: Expected, now: number): ReadClaims | Denial {
  if (typeof claims.iss !== 'string' || claims.iss !== expected.issuer) {
    return deny('token_issuer', 'The token is not from the issuer that this gateway trusts')
  }
  if (!hasAudience(claims.aud, expected.audiences)) {
    return deny('token_audience', `Ask Feide for the audience ${expected.audiences.join(' or ')}`)
  }
  const times = checkTimes(claims, expected, now)
  if (isDenial(times)) return times
  const principal = readPrincipal(claims)
  if (isDenial(principal)) return principal
  const scopes = readScopes(claims.scope)
  if (!scopes) return wrong('`scope` is neither a string nor a list of scopes')
  return { principal, scopes, ...times }
}

function hasAudience(aud: unknown, audiences: readonly string[]): boolean {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!list.every(entry => typeof entry === 'string')) return false
  return list.some(entry => audiences.includes(entry))
}

const isTime = (value: unknown): value is number => Number.isFinite(value)

function checkTimes(
  { exp, iat, nbf }: Claims,
  { clockTolerance, maxLifetime }: Expected,
  now: number,
): Pick<ReadClaims, 'expiresAt' | 'notBefore'> | Denial {
  if (!isTime(exp)) return wrong('`exp` is not a number')
  if (!isTime(iat)) return wrong('`iat` is not a number')
  if (nbf !== undefined && !isTime(nbf)) return wrong('`nbf` is not a number')
  if (exp <= now - clockTolerance) {
    return deny('token_expired', 'The token has expired; exchange for a new one')
  }
  if ((nbf ?? 0) > now + clockTolerance || iat > now + clockTolerance) {
    return deny('token_not_yet_valid', '`nbf` or `iat` lies in the future')
  }
  if (exp - iat > maxLifetime) {
    return deny(
      'token_lifetime',
      `The time from \`iat\` to \`exp\` is above ${maxLifetime} seconds`,
    )
  }
  return { expiresAt: exp, notBefore: Math.max(nbf ?? iat, iat) }
}

/** Visible ASCII without the comma at which old APIs split; 1 to 255 characters. */
const IDENTIFIER = /^[!-+\--~]{1,255}$/

/** Whom the token speaks for: `sub` against `client_id` alone tells, never another claim (Feide). */
function readPrincipal(claims: Claims): Principal | Denial {
  const { sub, client_id: clientId, act } = claims
  if (typeof sub !== 'string' || !IDENTIFIER.test(sub)) return wrong('`sub`')
  if (typeof clientId !== 'string' || !IDENTIFIER.test(clientId)) return wrong('`client_id`')
  const actor = typeof act === 'object' && act !== null && 'sub' in act ? act.sub : clientId
  if (actor !== clientId) return wrong('`act.sub` is not `client_id`')
  // RFC 7800: a token bound to a key is worth nothing without the proof, which nobody here checks.
  if (Object.hasOwn(claims, 'cnf')) return wrong('it is bound to a key (`cnf`)')
  return sub === clientId ? { kind: 'system', clientId } : { kind: 'user', userId: sub, clientId }
}

function readScopes(scope: unknown): readonly string[] | undefined {
  if (scope === undefined) return []
  if (typeof scope === 'string') {
    const list = scope.split(' ')
    // A filtered list has room for more, and this one is remembered with its token.
    return list.includes('') ? list.filter(entry => entry !== '') : list
  }
  if (!Array.isArray(scope)) return undefined
  const isScope = (entry: unknown) => typeof entry === 'string' && /^[^ ,]+$/.test(entry)
  return scope.every(isScope) ? (scope as string[]) : undefined
}
