import { randomUUID } from 'node:crypto'
import type { Client } from './register.ts'
import type { User } from './register-schema.ts'
import { secondsLeft } from './seconds-left.ts'

/** Seconds that an opaque access token lives. */
export const OPAQUE_LIFETIME = 28_800

/** What Feide remembers about an access token; without `user` it speaks for the client itself. */
export interface OpaqueToken {
  readonly client: Client
  readonly user?: User
  readonly scopes: readonly string[]
  /** In whole seconds since 1970, as token times are. */
  readonly expiresAt: number
}

export interface OpaqueTokens {
  /** `expiresIn` is in seconds. */
  issue(token: Omit<OpaqueToken, 'expiresAt'>): { id: string; expiresIn: number }
  find(id: string): OpaqueToken | undefined
  revoke(id: string): void
}

/** The opaque access tokens of one run, in memory. `now` is in seconds since 1970. */
export const opaqueTokens = (now: () => number): OpaqueTokens => {
  const tokens = new Map<string, OpaqueToken>()
  return {
    issue(token) {
      const madeAt = now()
      dropExpired(tokens, madeAt)
      const id = randomUUID()
      const expiresAt = Math.floor(madeAt) + OPAQUE_LIFETIME
      tokens.set(id, { ...token, expiresAt })
      return { id, expiresIn: secondsLeft(expiresAt, madeAt) }
    },
    find(id) {
      const token = tokens.get(id)
      return token && token.expiresAt > now() ? token : undefined
    },
    revoke(id) {
      tokens.delete(id)
    },
  }
}

/**
 * Forgets what has expired. Where all entries live equally long the oldest come first, since a Map
 * keeps the order of insertion.
 */
export const dropExpired = (
  entries: Map<string, { readonly expiresAt: number }>,
  now: number,
): void => {
  for (const [id, { expiresAt }] of entries) {
    if (expiresAt > now) return
    entries.delete(id)
  }
}
