import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  sign,
} from 'node:crypto'
import { b64 } from './issuer.ts'
import type { Case } from './wycheproof.ts'

/** The vectors' own messages are no claims; these functions bring their tricks to ones that are. */

const { RSA_NO_PADDING, RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING } = constants

/** The kid under which the key of a group stands in one key set with all others. */
export const kidOf = ({ group }: Pick<Case, 'group'>): string => `wycheproof-${group.name}`

/** A token over these claims with the fault that the vector has, or none where it is valid. */
export function resigned(test: Case, claims: object): string {
  if (isStructural(test)) return restructured(test, claims)
  const input = `${headerOf(test)}.${b64(claims)}`
  const signature = signatureOf(test, Buffer.from(input))
  return `${input}.${signature.toString('base64url')}`
}

/** Vectors with parts missing, or changed after signing. */
function isStructural({ group, vector }: Case): boolean {
  const hasValid = group.vectors.some(({ result }) => result === 'valid')
  return vector.result === 'invalid' && vector.flags.length === 0 && hasValid
}

/** Puts header, claims and a good signature wherever the vector has those of the valid one. */
function restructured({ group, vector, title }: Case, claims: object): string {
  const base = group.vectors.find(({ result }) => result === 'valid') ?? vector
  const good = resigned({ group, vector: base, title }, claims).split('.')
  const original = base.jws.split('.')
  const parts = vector.jws.split('.').map(part => {
    const index = original.indexOf(part)
    return part === '' || index < 0 ? part : good[index]
  })
  return parts.join('.')
}

function headerOf(test: Case): string {
  const text = Buffer.from(test.vector.jws.split('.')[0] ?? '', 'base64url').toString()
  return b64(text.replace(String(test.group.publicJwk.kid), kidOf(test)))
}

function signatureOf(test: Case, input: Buffer): Buffer {
  const { comment, flags, result, tcId } = test.vector
  const key = createPrivateKey({ key: test.group.privateJwk, format: 'jwk' })
  const original = Buffer.from(test.vector.jws.split('.')[2] ?? '', 'base64url')
  const declared = JSON.parse(Buffer.from(headerOf(test), 'base64url').toString()).alg
  const primitive = /^Using([RP]S\d+)$/.exec(comment)?.[1]
  if (primitive !== undefined) return signWith(primitive, key, input)
  if (comment === 'SaltLenChanged') return signWith(declared, key, input, tcId % 32)
  if (flags.includes('ModifiedPadding')) return transplanted(test, key, original, input)
  // Of the rest, a forged PSS signature belongs to no message at all.
  return result === 'valid' || flags.length === 0 ? signWith(declared, key, input) : original
}

function signWith(alg: string, key: KeyObject, input: Buffer, saltLength?: number): Buffer {
  const bits = Number(alg.slice(2))
  const padding = alg.startsWith('PS') ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING
  return sign(`sha${bits}`, input, { key, padding, saltLength: saltLength ?? bits / 8 })
}

/**
 * Opens the signature of the vector and puts the digest of another input where its own stands, so
 * that all that is wrong with it is what was wrong with its padding.
 */
function transplanted({ vector }: Case, key: KeyObject, signature: Buffer, input: Buffer): Buffer {
  const publicKey = createPublicKey(key)
  const message = publicDecrypt({ key: publicKey, padding: RSA_NO_PADDING }, signature)
  const own = sha256(Buffer.from(vector.jws.slice(0, vector.jws.lastIndexOf('.'))))
  const other = sha256(input)
  const start = message.indexOf(own.subarray(4, 28)) - 4
  for (let index = 0; start > 0 && index < own.length; index += 1) {
    if (message[start + index] === own[index]) message[start + index] = other[index] ?? 0
  }
  return privateEncrypt({ key, padding: RSA_NO_PADDING }, message)
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}
