import { type SigningKey, sign } from './keys.ts'
import type { OpaqueToken } from './opaque.ts'
import type { DataSource } from './register.ts'
import type { User } from './register-schema.ts'
import { secondsLeft } from './seconds-left.ts'

/** Seconds that an exchanged token lives. */
const LIFETIME = 300

export interface JwtRequest {
  readonly issuer: string
  readonly dataSource: DataSource
  readonly subject: OpaqueToken
  readonly scopes: readonly string[]
  /** Seconds since 1970. */
  readonly now: number
}

/** The token that a data source is shown, with Feide's claims. `expiresIn` is in seconds. */
export const signJwt = async (key: SigningKey, request: JwtRequest) => {
  const iat = Math.floor(request.now)
  const exp = iat + LIFETIME
  const jwt = await sign(key, { ...claimsOf(request), iat, nbf: iat, exp })
  return { jwt, expiresIn: secondsLeft(exp, request.now) }
}

const claimsOf = ({ issuer, dataSource, subject, scopes }: JwtRequest) => ({
  iss: issuer,
  aud: dataSource.audience,
  sub: subject.user?.id ?? subject.client.id,
  client_id: subject.client.id,
  act: { sub: subject.client.id },
  scope: scopes.join(' '),
  ...(subject.user && userClaims(subject.user, dataSource.claims)),
})

// What the user lacks is left out.
const userClaims = (user: User, asked: DataSource['claims']) => {
  const { name, picture, eduPersonPrincipalName, nin } = user
  const known = {
    name,
    picture,
    userid_sec: [`feide:${eduPersonPrincipalName}`],
    eduPersonPrincipalName,
    nin,
  }
  const claims = asked.map(claim => [claimName(claim), known[claim]] as const)
  return Object.fromEntries(claims.filter(([, value]) => value !== undefined))
}

/** `nin` -> `https://n.feide.no/claims/nin`; OpenID Connect's own claims keep their names. */
export const claimName = (claim: DataSource['claims'][number]): string =>
  claim === 'name' || claim === 'picture' ? claim : `https://n.feide.no/claims/${claim}`
