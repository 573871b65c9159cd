import { createHmac, timingSafeEqual } from 'node:crypto'

/** A key set as gateways share it. */
export interface StoredKeySet {
  /** Milliseconds since the epoch at which the issuer was asked. */
  readonly fetchedAt: number
  /** The issuer's document, as it was. */
  readonly document: unknown
}

/**
 * Where gateways share the key set (`edge/redis-store.ts`), or the processes of one (`workers/`). Nothing here rejects: a store that is
 * away reads as empty and grants every claim, so that each gateway goes on alone.
 */
export interface KeySetStore {
  /** Whose word its key set is: the issuer's own where nobody but this gateway can write it. */
  readonly vouches: 'issuer' | 'redis'
  readonly read: () => Promise<StoredKeySet | undefined>
  /** Also counts as a fetch for the cooldown of all gateways. */
  readonly write: (stored: StoredKeySet, cooldown: number) => Promise<void>
  /** Whether this gateway is the one to fetch now; the others wait for what it writes. */
  readonly lease: () => Promise<boolean>
  /** Gives the lease back, or keeps everyone from trying again for some milliseconds. */
  readonly release: (keepFor: number) => Promise<void>
  /** Whether no gateway has fetched within the cooldown (milliseconds); claims the next fetch. */
  readonly claimCooldown: (ms: number) => Promise<boolean>
  /** Changes whenever the key set or the distrusted keys do; `undefined` where it cannot be read. */
  readonly stamp: () => Promise<string | undefined>
  /** What an operator distrusts; `undefined` where there is no word, or it cannot be read. */
  readonly distrusted: () => Promise<DistrustList | undefined>
}

/** Key ids that an operator distrusts, and when that was said (milliseconds since the epoch). */
export interface DistrustList {
  readonly kids: ReadonlySet<string>
  readonly at: number
}

/** Why a stored text is not used; the words complete "the stored value …". */
export interface Unusable {
  readonly unusable: string
}

export const isUnusable = (value: object): value is Unusable => 'unusable' in value

/**
 * Values in the store are JSON that names its issuer, with an HMAC-SHA-256 where there is a secret:
 * whoever can write the store could otherwise mint identities.
 */
export function createCodec(issuer: string, secret: string | undefined) {
  const macOf = (kind: string, at: number, payload: unknown): string =>
    createHmac('sha256', secret ?? '')
      .update(JSON.stringify([kind, issuer, at, payload]))
      .digest('base64url')

  const encode = (kind: string, at: number, payload: unknown): string =>
    JSON.stringify({ issuer, at, payload, ...(secret && { mac: macOf(kind, at, payload) }) })

  const decode = (kind: string, text: string): { at: number; payload: unknown } | Unusable => {
    const value = parseObject(text)
    if (!value) return { unusable: 'is not a JSON object' }
    const { issuer: of, at, payload, mac } = value
    if (of !== issuer) return { unusable: 'belongs to another issuer' }
    if (typeof at !== 'number' || !Number.isFinite(at)) return { unusable: 'has no time' }
    if (secret && !sameMac(mac, macOf(kind, at, payload))) {
      return { unusable: 'is not authenticated by redis.secret' }
    }
    return { at, payload }
  }
  return { encode, decode }
}

export type Codec = ReturnType<typeof createCodec>

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function sameMac(given: unknown, expected: string): boolean {
  if (typeof given !== 'string') return false
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
