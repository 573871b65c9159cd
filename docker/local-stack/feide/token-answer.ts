import type { Codes } from './codes.ts'
import { type Form, words } from './form.ts'
import type { KeyRing } from './keys.ts'
import type { OpaqueToken, OpaqueTokens } from './opaque.ts'
import { type Refusal, refuse } from './refusal.ts'
import type { Client, Register } from './register.ts'
import type { Tickets } from './tickets.ts'

/** What one run of the stand-in consists of. `now` is in seconds since 1970. */
export interface Feide {
  readonly issuer: string
  readonly register: Register
  readonly tokens: OpaqueTokens
  readonly tickets: Tickets
  readonly codes: Codes
  readonly keys: KeyRing
  readonly now: () => number
}

/** The successful answer of the token endpoint. */
export interface TokenAnswer {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly issued_token_type?: string
  readonly expires_in: number
  readonly scope: string
  readonly id_token?: string
}

/** What answers a client that has been authenticated. */
export type Handler = (
  feide: Feide,
  client: Client,
  form: Form,
) => TokenAnswer | Refusal | Promise<TokenAnswer | Refusal>

/** The scopes that were asked for, or all that may be had when none were. */
export const chooseScopes = (
  form: Form,
  allowed: readonly string[],
): readonly string[] | Refusal => {
  const asked = words(form.get('scope'))
  const excess = asked.filter(scope => !allowed.includes(scope))
  if (excess.length > 0) return refuse('invalid_scope', 'the client may not have all these scopes')
  return asked.length > 0 ? asked : allowed
}

export const answer = (
  token: string,
  expiresIn: number,
  scopes: readonly string[],
): TokenAnswer => ({
  access_token: token,
  token_type: 'Bearer',
  expires_in: expiresIn,
  scope: scopes.join(' '),
})

/** Issues an opaque access token. */
export const opaqueAnswer = (
  feide: Feide,
  { client, user, scopes }: Omit<OpaqueToken, 'expiresAt'>,
): TokenAnswer => {
  const { id, expiresIn } = feide.tokens.issue({ client, scopes, ...(user && { user }) })
  return answer(id, expiresIn, scopes)
}
