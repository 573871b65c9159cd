import { exchange } from './exchange.ts'
import type { Form } from './form.ts'
import type { OpaqueToken } from './opaque.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'
import type { Client } from './register.ts'
import type { Grant } from './register-schema.ts'
import { answer, chooseScopes, type Feide, type TokenAnswer } from './token-answer.ts'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** Answers a request at the token endpoint of a client that has been authenticated. */
export const grant = async (
  feide: Feide,
  client: Client,
  form: Form,
): Promise<TokenAnswer | Refusal> => {
  const type = form.get('grant_type')
  if (type === undefined) return refuse('invalid_request', 'grant_type is missing')
  if (type === 'client_credentials')
    return notFor(client, 'client_credentials') ?? clientCredentials(feide, client, form)
  if (type === EXCHANGE) return notFor(client, 'token_exchange') ?? exchange(feide, client, form)
  return refuse('unsupported_grant_type', 'this grant_type is not supported')
}

const notFor = (client: Client, wanted: Grant): Refusal | undefined =>
  client.grants.includes(wanted)
    ? undefined
    : refuse('unauthorized_client', 'the client may not use this grant_type')

const clientCredentials = (feide: Feide, client: Client, form: Form): TokenAnswer | Refusal => {
  const scopes = chooseScopes(
    form,
    client.scopes.filter(scope => scope.startsWith('gk_')),
  )
  if (isRefusal(scopes)) return scopes
  return opaqueAnswer(feide, { client, scopes })
}

/** A token for a user without a browser. Real Feide has nothing like it. */
export const localLogin = (feide: Feide, client: Client, form: Form): TokenAnswer | Refusal => {
  const user = feide.register.users.get(form.get('user') ?? '')
  if (!user) return refuse('invalid_grant', 'no such user: see feide.yaml')
  const scopes = chooseScopes(form, client.scopes)
  if (isRefusal(scopes)) return scopes
  return opaqueAnswer(feide, { client, user, scopes })
}

const opaqueAnswer = (feide: Feide, token: Omit<OpaqueToken, 'expiresAt'>): TokenAnswer => {
  const { id, expiresAt } = feide.tokens.issue(token)
  return answer(feide, id, expiresAt, token.scopes)
}
