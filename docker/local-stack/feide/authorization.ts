import { type Form, type FormText, words } from './form.ts'
import { isRegistered } from './redirect-uri.ts'
import { isRefusal } from './refusal.ts'
import type { Client, Register } from './register.ts'
import { chooseScopes } from './token-answer.ts'

/** A request for a user's login (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1). */
export interface LoginRequest extends ReturnAddress {
  readonly client: Client
  readonly scopes: readonly string[]
  readonly nonce: string | undefined
  /** Of PKCE (RFC 7636), with S256. */
  readonly challenge: string | undefined
}

/** Where the browser is sent with the outcome. */
export interface ReturnAddress {
  readonly redirectUri: string
  readonly state: string | undefined
}

/** Told to the user on a page: there is nowhere safe to send the browser. */
export interface Unanswerable {
  readonly unanswerable: string
}

/** Told to the client, by way of the browser. */
export interface Declined extends Fault {
  readonly to: ReturnAddress
}

interface Fault {
  readonly error: AuthorizationError
  readonly why: string
}

type AuthorizationError =
  | 'invalid_request'
  | 'unsupported_response_type'
  | 'invalid_scope'
  | 'access_denied'
  | 'login_required'
  | 'request_not_supported'
  | 'request_uri_not_supported'

export const readAuthorization = (
  { clients }: Register,
  { form, twice }: FormText,
): LoginRequest | Unanswerable | Declined => {
  const client = clients.get(form.get('client_id') ?? '')
  if (!client) return { unanswerable: 'The client_id is missing, given twice or unknown.' }
  const redirectUri = form.get('redirect_uri')
  if (redirectUri === undefined || !isRegistered(redirectUri, client.redirectUris))
    return { unanswerable: notRegistered(client, redirectUri) }
  const to = { redirectUri, state: form.get('state') }
  if (twice !== undefined) return { error: 'invalid_request', why: `${twice} is given twice`, to }
  const fault = responseFault(form) ?? pkceFault(client, form)
  if (fault) return { ...fault, to }
  const scopes = chooseScopes(form, client.scopes)
  if (isRefusal(scopes)) return { error: 'invalid_scope', why: scopes.why, to }
  return { ...to, client, scopes, nonce: form.get('nonce'), challenge: form.get('code_challenge') }
}

const notRegistered = ({ name, redirectUris }: Client, asked = 'that is missing'): string =>
  `The redirect_uri ${asked} is not one of those registered for ${name}: ${redirectUris.join(', ') || 'none'}.`

const responseFault = (form: Form): Fault | undefined => {
  if (form.has('request'))
    return { error: 'request_not_supported', why: 'request objects are not supported' }
  if (form.has('request_uri'))
    return { error: 'request_uri_not_supported', why: 'request objects are not supported' }
  const type = form.get('response_type')
  if (type === undefined) return { error: 'invalid_request', why: 'response_type is missing' }
  if (type !== 'code')
    return { error: 'unsupported_response_type', why: 'response_type must be code' }
  if ((form.get('response_mode') ?? 'query') !== 'query')
    return { error: 'invalid_request', why: 'response_mode must be query' }
  if (words(form.get('prompt')).includes('none'))
    return { error: 'login_required', why: 'a user must choose who to be' }
  return undefined
}

/** A SHA-256 digest in base64url. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/

const pkceFault = (client: Client, form: Form): Fault | undefined => {
  const challenge = form.get('code_challenge')
  const method = form.get('code_challenge_method')
  const error = 'invalid_request'
  if (challenge === undefined && method === undefined)
    return client.secret === undefined
      ? { error, why: 'a client without secret needs PKCE: code_challenge is missing' }
      : undefined
  // Left out it would mean `plain`, which protects from nobody who sees the request.
  if (method !== 'S256') return { error, why: 'code_challenge_method must be S256' }
  if (!CHALLENGE.test(challenge ?? ''))
    return { error, why: 'code_challenge must be a SHA-256 digest in base64url' }
  return undefined
}
