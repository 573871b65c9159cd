import { createHmac, createPublicKey } from 'node:crypto'
import { b64, type Issuer, rsaKey } from '../support/issuer.ts'
import { claimsOf } from './tokens.ts'

interface BadToken {
  readonly what: string
  readonly token: string | undefined
  /** What it is to be answered with. */
  readonly status: 401 | 403
}

/** Requests that every contestant is to refuse. */
export function badTokens(issuer: Issuer): BadToken[] {
  const now = Math.floor(Date.now() / 1000)
  const bad = (what: string, token: string | undefined): BadToken => ({ what, token, status: 401 })
  const claiming = (what: string, claims: Record<string, unknown>) =>
    bad(what, issuer.token(claimsOf(issuer, claims)))
  const other = rsaKey(issuer.kid).privateKey
  return [
    bad('a request without a token', undefined),
    bad('a token that is none', 'abc'),
    bad('a token with another signature', issuer.token(claimsOf(issuer), { key: other })),
    bad('a token with other claims than were signed', altered(issuer)),
    bad('a token without a signature', unsigned(issuer)),
    bad('a token signed with the public key as a secret', confused(issuer)),
    claiming('a token of another issuer', { iss: 'https://auth.example.no' }),
    claiming('a token for another audience', { aud: 'https://n.feide.no/datasources/other' }),
    claiming('an expired token', { iat: now - 600, nbf: now - 600, exp: now - 60 }),
    {
      what: 'a token without the scope',
      token: issuer.token(claimsOf(issuer, { scope: 'append reader' })),
      status: 403,
    },
  ]
}

function altered(issuer: Issuer): string {
  const [header, , signature] = issuer.token(claimsOf(issuer)).split('.')
  return `${header}.${b64(claimsOf(issuer, { sub: 'somebody-else' }))}.${signature}`
}

const unsigned = (issuer: Issuer) => `${b64({ alg: 'none', typ: 'JWT' })}.${b64(claimsOf(issuer))}.`

/** The oldest trick (RFC 8725 §2.1): HS256 with the issuer's public key. */
function confused(issuer: Issuer): string {
  const secret = createPublicKey(issuer.privateKey).export({ type: 'spki', format: 'pem' })
  const input = `${b64({ alg: 'HS256', typ: 'JWT', kid: issuer.kid })}.${b64(claimsOf(issuer))}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}
