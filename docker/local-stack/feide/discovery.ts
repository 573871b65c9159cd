import { GRANT_TYPES } from './grants.ts'
import type { Feide } from './token-answer.ts'
import { CLAIMS_SUPPORTED } from './userinfo.ts'

/**
 * OpenID Connect Discovery section 3. What does not answer is not listed: no end_session_endpoint,
 * no other flow than the authorization code.
 */
export const discovery = ({ issuer, register }: Feide) => ({
  issuer,
  authorization_endpoint: `${issuer}/oauth/authorization`,
  token_endpoint: `${issuer}/oauth/token`,
  jwks_uri: `${issuer}/openid/jwks`,
  userinfo_endpoint: `${issuer}/openid/userinfo`,
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
  grant_types_supported: GRANT_TYPES,
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  code_challenge_methods_supported: ['S256'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  claims_supported: CLAIMS_SUPPORTED,
  claims_parameter_supported: false,
  request_parameter_supported: false,
  request_uri_parameter_supported: false,
  scopes_supported: [...new Set([...register.clients.values()].flatMap(({ scopes }) => scopes))],
  ui_locales_supported: ['en'],
})
