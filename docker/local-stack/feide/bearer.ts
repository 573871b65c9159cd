import type { OpaqueToken } from './opaque.ts'
import type { User } from './register-schema.ts'
import type { Feide } from './token-answer.ts'

/** An access token that speaks for a user. */
export type UserToken = OpaqueToken & { readonly user: User }

/** Why a bearer token is not good enough, as RFC 6750 section 3.1 puts it. */
export interface BearerFault {
  readonly status: 401 | 403
  readonly challenge: string
  /** Absent when there was no token at all. */
  readonly error?: 'invalid_token' | 'insufficient_scope'
  readonly why: string
}

/** The opaque token of an `Authorization` header. */
export const readBearer = (
  { tokens }: Feide,
  authorization: string | undefined,
): OpaqueToken | BearerFault => {
  if (!/^bearer /i.test(authorization ?? ''))
    return { status: 401, challenge: 'Bearer realm="Feide"', why: 'no bearer token' }
  const id = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  return tokens.find(id ?? '') ?? invalidToken('the token is unknown or has expired')
}

export const isBearerFault = (value: object): value is BearerFault => 'challenge' in value

export const speaksForUser = (token: OpaqueToken): token is UserToken => token.user !== undefined

export const invalidToken = (why: string): BearerFault => ({
  status: 401,
  challenge: 'Bearer realm="Feide", error="invalid_token"',
  error: 'invalid_token',
  why,
})

/** `scopes` are those of which one is needed. */
export const insufficientScope = (scopes: readonly string[]): BearerFault => ({
  status: 403,
  challenge: `Bearer realm="Feide", error="insufficient_scope", scope="${scopes[0]}"`,
  error: 'insufficient_scope',
  why: `the token needs the scope ${scopes.join(' or ')}`,
})
