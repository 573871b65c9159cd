import { randomUUID } from 'node:crypto'
import type { Client } from './register.ts'
import type { User } from './register-schema.ts'

/** Seconds that an opaque access token lives. */
const LIFETIME = 28_800

/** What Feide remembers about an access token; without `user` it speaks for the client itself. */
export interface OpaqueToken {
  readonly client: Client
  readonly user?: User
  readonly scopes: readonly string[]
  /** In whole seconds since 1970, as token times are. */
  readonly expiresAt: number
}

export interface OpaqueTokens {
  issue(token: Omit<OpaqueToken, 'expiresAt'>): { id: string; expiresAt: number }
  find(id: string): OpaqueToken | undefined
}

/** The opaque access tokens of one run, in memory. `now` is in seconds since 1970. */
export const opaqueTokens = (now: () => number): OpaqueTokens => {
  const tokens = new Map<string, OpaqueToken>()
  return {
    issue(token) {
      dropExpired(tokens, now())
      const id = randomUUID()
      const expiresAt = Math.floor(now()) + LIFETIME
      tokens.set(id, { ...token, expiresAt })
      return { id, expiresAt }
    },
    find(id) {
      const token = tokens.get(id)
      return token && token.expiresAt > now() ? token : undefined
    },
  }
}

// All live equally long and a Map keeps the order of insertion, so the oldest come first.
const dropExpired = (tokens: Map<string, OpaqueToken>, now: number): void => {
  for (const [id, { expiresAt }] of tokens) {
    if (expiresAt > now) return
    tokens.delete(id)
  }
}
