import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Jwk } from './issuer.ts'

/** Test vectors of github.com/C2SP/wycheproof, folder `testvectors_v1`. */
const DIRECTORY =
  process.env.WYCHEPROOF ?? fileURLToPath(new URL('../../../shared/wycheproof/', import.meta.url))

export type Vector = {
  readonly tcId: number
  readonly comment: string
  readonly jws: string
  readonly result: 'valid' | 'invalid'
  readonly flags: readonly string[]
}

export type Group = {
  readonly name: string
  /** What an issuer would serve; for a secret, the secret itself. */
  readonly keys: readonly Jwk[]
  /** The first of them. */
  readonly publicJwk: Jwk
  readonly privateJwk: Jwk
  readonly vectors: readonly Vector[]
}

export type Case = { readonly group: Group; readonly vector: Vector; readonly title: string }

/** All vectors for JWS, in groups of one key each; empty, and loudly so, where they are not there. */
export const signatureVectors = (): Group[] => read('json_web_signature_test.json')

/** All vectors about keys and key sets. */
export const keyVectors = (): Group[] => read('json_web_key_test.json')

function read(name: string): Group[] {
  const file = join(DIRECTORY, name)
  if (!existsSync(file)) {
    console.warn(`NOT TESTED: the Wycheproof vectors are not in ${DIRECTORY}; set WYCHEPROOF`)
    return []
  }
  return JSON.parse(readFileSync(file, 'utf8')).testGroups.map(groupOf)
}

export function casesOf(groups: readonly Group[]): Case[] {
  return groups.flatMap(group =>
    group.vectors.map(vector => ({
      group,
      vector,
      title: `tc${vector.tcId} ${group.name} ${vector.comment}`,
    })),
  )
}

type RawKeys = Jwk | { readonly keys: readonly Jwk[] }
type RawGroup = {
  readonly comment: string
  readonly public?: RawKeys
  readonly private: RawKeys
  readonly tests: readonly Vector[]
}

function groupOf(raw: RawGroup, index: number): Group {
  const [keys, [privateJwk = {}]] = [keysIn(raw.public ?? raw.private), keysIn(raw.private)]
  const [publicJwk = {}] = keys
  return { name: `${index}-${raw.comment}`, keys, publicJwk, privateJwk, vectors: raw.tests }
}

const keysIn = (raw: RawKeys): readonly Jwk[] => (Array.isArray(raw.keys) ? raw.keys : [raw])
