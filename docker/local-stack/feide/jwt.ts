import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { OpaqueToken } from './opaque.ts'
import type { DataSource } from './register.ts'
import type { User } from './register-schema.ts'

/** Seconds that an exchanged token lives. */
const LIFETIME = 300

const NAMESPACE = 'https://n.feide.no/claims/'

export interface SigningKey {
  /** The public half, as the JWKS lists it. */
  readonly jwk: JWK
  readonly privateKey: CryptoKey
}

/** A key that lives as long as the process: nothing signed in one run holds in the next. */
export const makeSigningKey = async (): Promise<SigningKey> => {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { modulusLength: 2048 })
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  return { jwk: { ...jwk, kid, use: 'sig', alg: 'RS256' }, privateKey }
}

export interface JwtRequest {
  readonly issuer: string
  readonly dataSource: DataSource
  readonly subject: OpaqueToken
  readonly scopes: readonly string[]
  /** Seconds since 1970. */
  readonly now: number
}

/** The token that a data source is shown, with Feide's claims. */
export const signJwt = async (key: SigningKey, request: JwtRequest) => {
  const iat = Math.floor(request.now)
  const exp = iat + LIFETIME
  const payload = { ...claimsOf(request), iat, nbf: iat, exp }
  const header = { typ: 'JWT', alg: 'RS256', kid: key.jwk.kid ?? '' }
  const jwt = await new SignJWT(payload).setProtectedHeader(header).sign(key.privateKey)
  return { jwt, expiresAt: exp }
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

/** What is told about a user; what the user lacks is left out. */
export const userClaims = (user: User, asked: DataSource['claims']) => {
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

const claimName = (claim: DataSource['claims'][number]): string =>
  claim === 'name' || claim === 'picture' ? claim : `${NAMESPACE}${claim}`
