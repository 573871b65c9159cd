import { exchangeForOpaque } from './data-source-exchange.ts'
import type { Form } from './form.ts'
import { signJwt } from './jwt.ts'
import type { OpaqueToken } from './opaque.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'
import type { Client, DataSource } from './register.ts'
import { answer, chooseScopes, type Feide, type Handler, type TokenAnswer } from './token-answer.ts'
import { ACCESS_TOKEN, JWT } from './token-types.ts'

/** Token exchange (RFC 8693): consumers bring an opaque token, data sources the JWT they were sent. */
export const exchange: Handler = (feide, client, form) =>
  client.dataSource && form.get('subject_token_type') === JWT
    ? exchangeForOpaque(feide, client, client.dataSource, form)
    : exchangeForJwt(feide, client, form)

const exchangeForJwt = async (
  feide: Feide,
  client: Client,
  form: Form,
): Promise<TokenAnswer | Refusal> => {
  const subject = readSubject(feide, client, form)
  if (isRefusal(subject)) return subject
  const dataSource = readDataSource(feide, subject, form)
  if (isRefusal(dataSource)) return dataSource
  const scopes = chooseScopes(form, accessLevels(subject, dataSource))
  if (isRefusal(scopes)) return scopes
  const request = { issuer: feide.issuer, dataSource, subject, scopes, now: feide.now() }
  const { jwt, expiresIn } = await signJwt(feide.keys.current(), request)
  return { ...answer(jwt, expiresIn, scopes), issued_token_type: JWT }
}

// RFC 8693 section 2.2.2: a subject token that is no good is an invalid_request.
const readSubject = (feide: Feide, client: Client, form: Form): OpaqueToken | Refusal => {
  const id = form.get('subject_token')
  if (id === undefined) return refuse('invalid_request', 'subject_token is missing')
  if (form.get('subject_token_type') !== ACCESS_TOKEN)
    return refuse('invalid_request', `subject_token_type must be ${ACCESS_TOKEN}`)
  if ((form.get('requested_token_type') ?? JWT) !== JWT)
    return refuse('invalid_request', `requested_token_type must be ${JWT}`)
  const subject = feide.tokens.find(id)
  // One text for unknown, expired and another client's: the difference is nobody's business.
  if (subject?.client.id !== client.id)
    return refuse('invalid_request', 'subject_token is not a valid token of this client')
  return subject
}

const readDataSource = (
  { register }: Feide,
  subject: OpaqueToken,
  form: Form,
): DataSource | Refusal => {
  const audience = form.get('audience')
  if (audience === undefined) return refuse('invalid_request', 'audience is missing')
  const dataSource = register.dataSourcesByAudience.get(audience)
  if (!dataSource || !scopesAt(subject, dataSource).includes(`gk_${dataSource.id}`))
    return refuse('access_denied', 'the client has no access to this audience')
  return dataSource
}

/**
 * What a token may do at a data source: what it was limited to, or else all that its client may. In
 * Feide's own example a login asks for `openid` alone, and its token is exchanged all the same.
 */
const scopesAt = ({ scopes, client }: OpaqueToken, { id }: DataSource): readonly string[] => {
  const here = (scope: string) => scope === `gk_${id}` || scope.startsWith(`gk_${id}_`)
  const limited = scopes.filter(here)
  return limited.length > 0 ? limited : client.scopes.filter(here)
}

const accessLevels = (subject: OpaqueToken, dataSource: DataSource): readonly string[] =>
  scopesAt(subject, dataSource)
    .filter(scope => scope !== `gk_${dataSource.id}`)
    .map(scope => scope.slice(`gk_${dataSource.id}_`.length))
