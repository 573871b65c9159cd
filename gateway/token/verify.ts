import type { KeyObject } from 'node:crypto'
import type { DataSource, ParsedToken, VerifiedToken } from '../model.ts'
import { type Denial, isDenial } from '../policy/denial.ts'
import { identityHeaders } from '../policy/identity.ts'
import {
  checkClaims,
  checkHeader,
  type Expected,
  type ReadClaims,
  type SignedWith,
} from './claims.ts'
import { checkSignature } from './signature.ts'
import type { Turnstile } from './turnstile.ts'

/** Finds the key that a token says it is signed with, without waiting where it is known already. */
export type FindKey = (
  kid: string | undefined,
  alg: string,
) => KeyObject | Denial | Promise<KeyObject | Denial>

export interface Verification {
  readonly token: ParsedToken
  /** The data source that the token is presented to, and what it is held against there. */
  readonly dataSource: DataSource
  readonly expected: Expected
  readonly findKey: FindKey
  /** Seconds since the epoch. */
  readonly now: number
  /** When the signature, which is the dear part, may be checked; default at once. */
  readonly takeTurn?: Turnstile
  /** Called with what made the token good. */
  readonly onVerified?: (token: VerifiedToken, key: KeyObject, signed: SignedWith) => void
}

/**
 * Verifies a token: cheap checks first; no key is looked for and no signature checked for a token
 * that fails them (contract 3). Only this file makes a `VerifiedToken` of what was not one before.
 */
export function verify(
  verification: Verification,
): VerifiedToken | Denial | Promise<VerifiedToken | Denial> {
  const { token, expected, findKey, now } = verification
  const signed = checkHeader(token, expected)
  if (isDenial(signed)) return signed
  const claims = checkClaims(token.payload, expected, now)
  if (isDenial(claims)) return claims
  const key = findKey(signed.kid, signed.alg)
  return key instanceof Promise
    ? key.then(later => checkWith(later, verification, signed, claims))
    : checkWith(key, verification, signed, claims)
}

function checkWith(
  key: KeyObject | Denial,
  { token, dataSource, takeTurn = atOnce, onVerified }: Verification,
  signed: SignedWith,
  claims: ReadClaims,
): VerifiedToken | Denial | Promise<VerifiedToken | Denial> {
  if (isDenial(key)) return key
  const finish = (wrong: Denial | undefined) => {
    if (wrong) return wrong
    const verified = verifiedToken(token, claims, dataSource)
    onVerified?.(verified, key, signed)
    return verified
  }
  return takeTurn(() => {
    const wrong = checkSignature(token, key, signed.alg)
    return wrong instanceof Promise ? wrong.then(finish) : finish(wrong)
  })
}

const atOnce: Turnstile = work => work()

/** What the upstream is told is compiled here, once: the claims are not kept. */
function verifiedToken(
  { text, payload }: ParsedToken,
  { principal, scopes, expiresAt, notBefore }: ReadClaims,
  dataSource: DataSource,
): VerifiedToken {
  const identity = identityHeaders(dataSource, { principal, scopes, claims: payload })
  return { dataSource, principal, scopes, text, expiresAt, notBefore, identity }
}

/**
 * For `explain` alone: reads claims that nobody signed, with the same checks of their form. What it
 * returns never comes near a request.
 */
export function trustClaims(
  token: ParsedToken,
  dataSource: DataSource,
  expected: Expected,
  now: number,
): VerifiedToken | Denial {
  const claims = checkClaims(token.payload, expected, now)
  return isDenial(claims) ? claims : verifiedToken(token, claims, dataSource)
}
