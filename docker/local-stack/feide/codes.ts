import { randomUUID } from 'node:crypto'
import type { LoginRequest } from './authorization.ts'
import { dropExpired, OPAQUE_LIFETIME } from './opaque.ts'
import type { Client } from './register.ts'
import type { User } from './register-schema.ts'

/** Seconds in which a code can be redeemed. */
const LIFETIME = 60

/** A request that somebody answered by choosing a user. */
export interface Login extends LoginRequest {
  readonly user: User
  /** Seconds since 1970. */
  readonly at: number
}

export interface Redeemed {
  readonly login: Login
  /** To be told at once which access token came of it, so that a replay can revoke it. */
  issued(token: string): void
}

export interface Codes {
  issue(login: Login): string
  /**
   * The first presentation by the code's own client uses it up, whatever comes of it. One more
   * revokes the token that came of it (RFC 6749 section 4.1.2). Other clients change nothing.
   */
  redeem(code: string, client: Client): Redeemed | undefined
}

interface Entry {
  readonly login: Login
  /** When it is forgotten: a replay must be noticed for as long as the token lives. */
  readonly expiresAt: number
  used: boolean
  token?: string
}

/** The authorization codes of one run. `revoke` ends an access token. */
export const authorizationCodes = (now: () => number, revoke: (token: string) => void): Codes => {
  const codes = new Map<string, Entry>()
  return {
    issue(login) {
      dropExpired(codes, now())
      const code = randomUUID()
      codes.set(code, { login, expiresAt: login.at + LIFETIME + OPAQUE_LIFETIME, used: false })
      return code
    },
    redeem(code, client) {
      const entry = codes.get(code)
      if (entry?.login.client.id !== client.id) return undefined
      if (entry.token !== undefined) revoke(entry.token)
      if (entry.used || entry.login.at + LIFETIME <= now()) return undefined
      entry.used = true
      const issued = (token: string): void => {
        entry.token = token
      }
      return { login: entry.login, issued }
    },
  }
}
