import type { KeyObject } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { DataSource, VerifiedToken } from '../model.ts'
import type { SignedWith } from './claims.ts'
import { createDigests, digestOf } from './digest.ts'

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

/** The text is most of a token, and not kept: whoever comes with it brings it along. */
type Remembered = Omit<VerifiedToken, 'text'>

interface Entry extends SignedWith {
  readonly key: KeyObject
  /** A token that is good for one data source is nothing to another one; few are meant for two. */
  readonly verified: readonly Remembered[]
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
  const digests = createDigests()

  const recall: TokenMemory['recall'] = (text, dataSource, now) => {
    const known = digests.find(text)
    const digest = known ?? digestOf(text)
    const entry = entries.get(digest)
    const token = entry?.verified.find(each => each.dataSource === dataSource)
    if (!entry || !token) return undefined
    if (token.expiresAt <= now - clockTolerance || token.notBefore > now + clockTolerance) {
      return undefined
    }
    if (currentKey(entry.kid, entry.alg) !== entry.key) return undefined
    // Not before its second use: what is made up, and what is used once, does not get in.
    if (known === undefined) digests.keep(text, digest)
    return { ...token, text }
  }

  const remember: TokenMemory['remember'] = (token, key, { alg, kid }) => {
    const digest = digestOf(token.text)
    const known = entries.get(digest)
    const others = known?.key === key ? known.verified : []
    const { dataSource, principal, scopes, expiresAt, notBefore, identity } = token
    const remembered = { dataSource, principal, scopes, expiresAt, notBefore, identity }
    // `concat`, as it makes lists that are as long as they are.
    const verified = others.filter(each => each.dataSource !== dataSource).concat(remembered)
    entries.set(digest, { key, alg, kid, verified })
  }

  return { recall, remember, size: () => entries.size }
}
