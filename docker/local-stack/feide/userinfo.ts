import type { Context } from 'hono'
import {
  type BearerFault,
  insufficientScope,
  invalidToken,
  isBearerFault,
  readBearer,
  speaksForUser,
} from './bearer.ts'
import { claimName } from './jwt.ts'
import { NO_STORE } from './no-store.ts'
import { errorOf } from './refusal.ts'
import type { User } from './register-schema.ts'
import type { Feide } from './token-answer.ts'

/** The userinfo endpoint of OpenID Connect, for opaque tokens of consumers and data sources alike. */
export const userinfo = (feide: Feide) => (c: Context) => {
  const token = readBearer(feide, c.req.header('authorization'))
  if (isBearerFault(token)) return faulty(c, token)
  if (!speaksForUser(token)) return faulty(c, invalidToken('the token speaks for no user'))
  if (!token.scopes.includes('openid')) return faulty(c, insufficientScope(['openid']))
  return c.json({ sub: token.user.id, ...claimsOf(token.user, token.scopes) }, 200, NO_STORE)
}

const faulty = (c: Context, { status, challenge, error, why }: BearerFault): Response => {
  const headers = { ...NO_STORE, 'WWW-Authenticate': challenge }
  return c.json(errorOf(error ?? 'invalid_request', why), status, headers)
}

type Claims = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

const EPPN = claimName('eduPersonPrincipalName')
const NIN = claimName('nin')

// Feide's attribute groups are scopes. What the user lacks is left out by JSON.
const BY_SCOPE = new Map<string, (user: User) => Claims>([
  ['profile', ({ name, picture }) => ({ name, picture })],
  ['userinfo-name', ({ name }) => ({ name })],
  ['userinfo-photo', ({ picture }) => ({ picture })],
  ['email', ({ email }) => (email === undefined ? {} : { email, email_verified: false })],
  ['userid-feide', ({ eduPersonPrincipalName }) => ({ [EPPN]: eduPersonPrincipalName })],
  ['userid-nin', ({ nin }) => ({ [NIN]: nin })],
])

// One claim under three names, two of which Feide calls deprecated.
const SECONDARY_IDS = [claimName('userid_sec'), 'dataporten-userid_sec', 'connect-userid_sec']

const claimsOf = (user: User, scopes: readonly string[]): Claims => {
  const claims = scopes.map(scope => BY_SCOPE.get(scope)?.(user))
  const ids = secondaryIds(user, scopes)
  const named = ids.length === 0 ? [] : SECONDARY_IDS.map(name => [name, ids])
  return Object.assign({}, ...claims, Object.fromEntries(named))
}

const secondaryIds = (
  { eduPersonPrincipalName, nin }: User,
  scopes: readonly string[],
): readonly string[] => [
  ...(scopes.includes('userid-feide') ? [`feide:${eduPersonPrincipalName}`] : []),
  ...(scopes.includes('userid-nin') && nin !== undefined ? [`nin:${nin}`] : []),
]

/** What ID tokens and userinfo may hold. */
export const CLAIMS_SUPPORTED = [
  ...['iss', 'jti', 'aud', 'sub', 'iat', 'exp', 'auth_time', 'nonce'],
  ...['name', 'picture', 'email', 'email_verified', EPPN, NIN, ...SECONDARY_IDS],
]
