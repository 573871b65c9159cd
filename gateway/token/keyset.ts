import { createPublicKey, type KeyObject } from 'node:crypto'

/** A public key of the issuer that may check signatures. */
export interface UsableKey {
  readonly kid: string | undefined
  readonly alg: string | undefined
  readonly key: KeyObject
}

/** The issuer's keys (JWKS, RFC 7517 §5), each looked at once; unusable ones are set aside. */
export interface KeySet {
  readonly usable: readonly UsableKey[]
  readonly unusable: readonly { readonly kid: string; readonly why: string }[]
}

/** More keys than this is no key set of an issuer. */
const MAX_KEYS = 100

/** Reads a key set; a document without a usable key is a problem, and the old set stays. */
export function readKeySet(document: unknown): KeySet | { readonly problem: string } {
  const keys =
    typeof document === 'object' && document !== null && 'keys' in document && document.keys
  if (!Array.isArray(keys)) return { problem: 'the key set has no list of keys' }
  if (keys.length > MAX_KEYS) return { problem: `the key set has more than ${MAX_KEYS} keys` }
  const usable: UsableKey[] = []
  const unusable: { kid: string; why: string }[] = []
  for (const jwk of keys) {
    const read = readKey(jwk)
    if ('key' in read) usable.push(read)
    else unusable.push(read)
  }
  return usable.length > 0 ? { usable, unusable } : { problem: 'the key set has no usable key' }
}

type Jwk = Readonly<Record<string, unknown>>

/** Members of private and symmetric keys (RFC 7518 §6): a key that shows them is nobody's secret. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

function readKey(jwk: unknown): UsableKey | { kid: string; why: string } {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) {
    return { kid: '', why: 'it is not an object' }
  }
  const { kid, alg } = jwk as Jwk
  const name = typeof kid === 'string' ? kid.slice(0, 100) : ''
  const why = unfitReason(jwk as Jwk)
  if (why) return { kid: name, why }
  const key = importKey(jwk as Jwk)
  if (typeof key === 'string') return { kid: name, why: key }
  return { kid: kid as string | undefined, alg: alg as string | undefined, key }
}

function unfitReason(jwk: Jwk): string | undefined {
  const { kid, alg, use, key_ops: operations } = jwk
  if (kid !== undefined && typeof kid !== 'string') return '`kid` is not a string'
  if (alg !== undefined && typeof alg !== 'string') return '`alg` is not a string'
  if (use !== undefined && use !== 'sig') return '`use` is not sig'
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return '`key_ops` does not hold verify'
  }
  if (PRIVATE.some(member => Object.hasOwn(jwk, member))) return 'it holds private members'
  return undefined
}

function importKey(jwk: Jwk): KeyObject | string {
  if (!['RSA', 'EC', 'OKP'].includes(String(jwk.kty))) return '`kty` is not RSA, EC or OKP'
  try {
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
    const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {}
    if (modulusLength !== undefined && modulusLength < 2048) return 'it has less than 2048 bits'
    if (publicExponent !== undefined && publicExponent < 3n) return 'its exponent is below 3'
    return key
  } catch {
    return 'it is not a valid key'
  }
}

const CURVES: Record<string, string> = {
  ES256: 'prime256v1',
  ES384: 'secp384r1',
  ES512: 'secp521r1',
}

/** Whether a key can have made a signature with an algorithm (RFC 7518 §3, RFC 8037). */
function fits({ key, alg: declared }: UsableKey, alg: string): boolean {
  if (declared !== undefined && declared !== alg) return false
  const type = key.asymmetricKeyType
  if (/^[RP]S\d/.test(alg)) return type === 'rsa'
  if (alg in CURVES) {
    return type === 'ec' && key.asymmetricKeyDetails?.namedCurve === CURVES[alg]
  }
  return (alg === 'EdDSA' || alg === 'Ed25519') && type === 'ed25519'
}

/**
 * The key for a token (contract 3.5): by `kid`; without one, the only key of the set that fits.
 * `undefined` where there is none, or more than one.
 */
export function chooseKey(
  { usable }: KeySet,
  kid: string | undefined,
  alg: string,
): UsableKey | undefined {
  let chosen: UsableKey | undefined
  for (const key of usable) {
    if ((kid !== undefined && key.kid !== kid) || !fits(key, alg)) continue
    if (chosen) return undefined
    chosen = key
  }
  return chosen
}

export const hasKid = ({ usable, unusable }: KeySet, kid: string): boolean =>
  usable.some(key => key.kid === kid) || unusable.some(key => key.kid === kid)
