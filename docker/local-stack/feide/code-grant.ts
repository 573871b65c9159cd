import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Login } from './codes.ts'
import type { Form } from './form.ts'
import { sign } from './keys.ts'
import { type Refusal, refuse } from './refusal.ts'
import type { Client } from './register.ts'
import { type Feide, opaqueAnswer, type TokenAnswer } from './token-answer.ts'

/** Seconds that an ID token is valid. */
const ID_TOKEN_LIFETIME = 3_600

/** The authorization code grant (RFC 6749 section 4.1.3) with PKCE (RFC 7636 section 4.6). */
export const authorizationCode = async (
  feide: Feide,
  client: Client,
  form: Form,
): Promise<TokenAnswer | Refusal> => {
  const code = form.get('code')
  const redirectUri = form.get('redirect_uri')
  if (code === undefined) return refuse('invalid_request', 'code is missing')
  if (redirectUri === undefined) return refuse('invalid_request', 'redirect_uri is missing')
  const redeemed = feide.codes.redeem(code, client)
  if (!redeemed)
    return refuse('invalid_grant', 'the code is unknown, used, too old or of another client')
  const { login, issued } = redeemed
  if (redirectUri !== login.redirectUri)
    return refuse('invalid_grant', 'redirect_uri is not the one that the code was sent to')
  if (!verifies(form.get('code_verifier'), login.challenge))
    return refuse('invalid_grant', 'code_verifier does not fit the code_challenge')
  const answer = opaqueAnswer(feide, login)
  issued(answer.access_token)
  if (!login.scopes.includes('openid')) return answer
  return { ...answer, id_token: await idToken(feide, login) }
}

// A verifier without a challenge tells that somebody took the challenge out of the request on its
// way here: RFC 9700 section 4.8.2.
const verifies = (verifier: string | undefined, challenge: string | undefined): boolean => {
  if (verifier === undefined || challenge === undefined) return verifier === challenge
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return false
  const digest = createHash('sha256').update(verifier).digest('base64url')
  return timingSafeEqual(Buffer.from(digest), Buffer.from(challenge))
}

const idToken = ({ issuer, keys, now }: Feide, { client, user, at, nonce }: Login) => {
  const iat = Math.floor(now())
  return sign(keys.current(), {
    iss: issuer,
    jti: randomUUID(),
    aud: client.id,
    sub: user.id,
    iat,
    exp: iat + ID_TOKEN_LIFETIME,
    auth_time: Math.floor(at),
    ...(nonce !== undefined && { nonce }),
  })
}
