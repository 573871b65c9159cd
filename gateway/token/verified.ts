import type { KeyObject } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { DataSource, VerifiedToken } from '../model.ts'
import type { SignedWith } from './claims.ts'

/** Tokens that were verified already, bounded. It holds no permit and no decision on a route. */
export interface TokenMemory {
  /**
   * The token as it was verified for a data source, if all that time can change still holds: its own
   * times, and that the key which it was verified with is the one that the key set has for it now.
   *
   * @param now seconds since the epoch
   */
  readonly recall: (text: string, dataSource: DataSource, now: number) => VerifiedToken | undefined
  readonly remember: (token: VerifiedToken, key: KeyObject, signed: SignedWith) => void
  readonly size: () => number
}

interface Entry {
  readonly key: KeyObject
  readonly signed: SignedWith
  /** A token that is good for one data source is nothing to another one; few are meant for two. */
  readonly verified: readonly VerifiedToken[]
}

export interface TokenMemoryOptions {
  /** Tokens. */
  readonly max: number
  /** Seconds. */
  readonly clockTolerance: number
  /** The key that the key set has now, as far as that is known without waiting. */
  readonly currentKey: (kid: string | undefined, alg: string) => KeyObject | undefined
}

export function createTokenMemory(options: TokenMemoryOptions): TokenMemory {
  const { max, clockTolerance, currentKey } = options
  const entries = new LRUCache<string, Entry>({ max })

  const recall: TokenMemory['recall'] = (text, dataSource, now) => {
    const entry = entries.get(text)
    const token = entry?.verified.find(each => each.dataSource === dataSource)
    if (!entry || !token) return undefined
    if (token.expiresAt <= now - clockTolerance || token.notBefore > now + clockTolerance) {
      return undefined
    }
    return currentKey(entry.signed.kid, entry.signed.alg) === entry.key ? token : undefined
  }

  const remember: TokenMemory['remember'] = (token, key, signed) => {
    const known = entries.get(token.text)
    const others = known?.key === key ? known.verified : []
    const verified = [...others.filter(each => each.dataSource !== token.dataSource), token]
    entries.set(token.text, { key, signed, verified })
  }

  return { recall, remember, size: () => entries.size }
}
