import type { KeyObject } from 'node:crypto'
import { compactVerify, errors } from 'jose'
import type { ParsedToken, VerifiedToken } from '../model.ts'
import { type Denial, deny, isDenial } from '../policy/denial.ts'
import { checkClaims, checkHeader, type Expected, type ReadClaims } from './claims.ts'

/** Finds the key that a token says it is signed with, without waiting where it is known already. */
export type FindKey = (
  kid: string | undefined,
  alg: string,
) => KeyObject | Denial | Promise<KeyObject | Denial>

/**
 * Verifies a token: cheap checks first; no key is looked for and no signature checked for a token
 * that fails them (contract 3). Only this function makes a `VerifiedToken`.
 *
 * @param now seconds since the epoch
 */
export async function verify(
  token: ParsedToken,
  expected: Expected,
  findKey: FindKey,
  now: number,
): Promise<VerifiedToken | Denial> {
  const signed = checkHeader(token, expected)
  if (isDenial(signed)) return signed
  const claims = checkClaims(token.payload, expected, now)
  if (isDenial(claims)) return claims
  const key = await findKey(signed.kid, signed.alg)
  if (isDenial(key)) return key
  const refused = await checkSignature(token, key, signed.alg)
  return refused ?? verifiedToken(token, claims)
}

const verifiedToken = (token: ParsedToken, claims: ReadClaims): VerifiedToken => ({
  ...claims,
  claims: token.payload,
  text: token.text,
})

/** The signature over header and payload (RFC 7515 §5.2), with the one algorithm that was agreed on. */
export async function checkSignature(
  { text }: ParsedToken,
  key: KeyObject,
  alg: string,
): Promise<Denial | undefined> {
  try {
    await compactVerify(text, key, { algorithms: [alg] })
    return undefined
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error
    return deny('token_signature', 'The token was not signed by the issuer, or has been changed')
  }
}

/**
 * For `explain` alone: reads claims that nobody signed, with the same checks of their form. What it
 * returns never comes near a request.
 */
export function trustClaims(
  token: ParsedToken,
  expected: Expected,
  now: number,
): VerifiedToken | Denial {
  const claims = checkClaims(token.payload, expected, now)
  return isDenial(claims) ? claims : verifiedToken(token, claims)
}
