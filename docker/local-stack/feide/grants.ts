import { authorizationCode } from './code-grant.ts'
import { exchange } from './exchange.ts'
import type { Form } from './form.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'
import type { Client } from './register.ts'
import type { Grant } from './register-schema.ts'
import {
  chooseScopes,
  type Feide,
  type Handler,
  opaqueAnswer,
  type TokenAnswer,
} from './token-answer.ts'

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** Answers a request at the token endpoint of a client that has been authenticated. */
export const grant: Handler = (feide, client, form) => {
  const type = form.get('grant_type')
  if (type === undefined) return refuse('invalid_request', 'grant_type is missing')
  const known = GRANTS.get(type)
  if (!known) return refuse('unsupported_grant_type', 'this grant_type is not supported')
  if (!client.grants.includes(known.name))
    return refuse('unauthorized_client', 'the client may not use this grant_type')
  return known.handle(feide, client, form)
}

const clientCredentials = (feide: Feide, client: Client, form: Form): TokenAnswer | Refusal => {
  const scopes = chooseScopes(
    form,
    client.scopes.filter(scope => scope.startsWith('gk_')),
  )
  if (isRefusal(scopes)) return scopes
  return opaqueAnswer(feide, { client, scopes })
}

const GRANTS: ReadonlyMap<string, { readonly name: Grant; readonly handle: Handler }> = new Map([
  ['authorization_code', { name: 'authorization_code', handle: authorizationCode }],
  ['client_credentials', { name: 'client_credentials', handle: clientCredentials }],
  [EXCHANGE, { name: 'token_exchange', handle: exchange }],
])

/** The values of `grant_type` that are answered. */
export const GRANT_TYPES = [...GRANTS.keys()]

/** A token for a user without a browser. Real Feide has nothing like it. */
export const localLogin: Handler = (feide, client, form) => {
  if (client.dataSource)
    return refuse('unauthorized_client', 'nobody logs in to a data source: it exchanges a JWT')
  const user = feide.register.users.get(form.get('user') ?? '')
  if (!user) return refuse('invalid_grant', 'no such user: see feide.yaml')
  const scopes = chooseScopes(form, client.scopes)
  if (isRefusal(scopes)) return scopes
  return opaqueAnswer(feide, { client, user, scopes })
}
