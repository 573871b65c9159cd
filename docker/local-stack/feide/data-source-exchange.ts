import { createLocalJWKSet, errors, jwtVerify } from 'jose'
import { z } from 'zod'
import type { Form } from './form.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'
import type { Client, DataSource } from './register.ts'
import type { User } from './register-schema.ts'
import { chooseScopes, type Feide, opaqueAnswer, type TokenAnswer } from './token-answer.ts'
import { ACCESS_TOKEN } from './token-types.ts'

/**
 * Token exchange as a data source uses it: the JWT that it was sent for an opaque token, with which
 * it calls Feide on behalf of whom the JWT speaks for.
 */
export const exchangeForOpaque = async (
  feide: Feide,
  client: Client,
  dataSource: DataSource,
  form: Form,
): Promise<TokenAnswer | Refusal> => {
  const jwt = form.get('subject_token')
  if (jwt === undefined) return refuse('invalid_request', 'subject_token is missing')
  if (form.get('requested_token_type') !== ACCESS_TOKEN)
    return refuse('invalid_request', `requested_token_type must be ${ACCESS_TOKEN}`)
  const audience = form.get('audience')
  if (audience === undefined) return refuse('invalid_request', 'audience is missing')
  if (audience !== feide.issuer)
    return refuse('access_denied', 'a data source may exchange for the audience of the issuer only')
  const subject = await verify(feide, dataSource, jwt)
  if (!subject)
    return refuse('invalid_request', 'subject_token is not a valid token for this data source')
  const scopes = chooseScopes(form, client.scopes)
  if (isRefusal(scopes)) return scopes
  return { ...opaqueAnswer(feide, { client, ...subject, scopes }), issued_token_type: ACCESS_TOKEN }
}

const CLAIMS = z.object({ sub: z.string(), client_id: z.string() })

/** Whom a JWT speaks for: a user, or nobody but the client that it names. */
const verify = async (
  { issuer, keys, register, now }: Feide,
  { audience }: DataSource,
  jwt: string,
): Promise<{ user?: User } | undefined> => {
  try {
    const published = createLocalJWKSet({ keys: [...keys.published()] })
    const currentDate = new Date(now() * 1000)
    const options = {
      issuer,
      audience,
      currentDate,
      algorithms: ['RS256'],
      requiredClaims: ['exp'],
    }
    const { payload } = await jwtVerify(jwt, published, options)
    const { sub, client_id } = CLAIMS.parse(payload)
    if (sub === client_id) return {}
    const user = register.users.values().find(({ id }) => id === sub)
    return user && { user }
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof z.ZodError) return undefined
    throw error
  }
}
