import { randomBytes, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { b64, type Claims, type Issuer } from '../support/issuer.ts'

const signInThread = promisify(sign)

/** Claims of a token of Feide's, those that every contestant can write to a header. */
export function claimsOf(issuer: Issuer, overrides: Claims = {}): Claims {
  const now = Math.floor(Date.now() / 1000)
  return {
    ...issuer.claims({ exp: now + 7200, scope: 'append read' }),
    // Only the gateway makes a header of these.
    'https://n.feide.no/claims/eduPersonPrincipalName': undefined,
    'https://n.feide.no/claims/userid_sec': undefined,
    ...overrides,
  }
}

/** Writes so many good tokens to a file, no two alike, signed on all cores. */
export async function writeTokens(file: string, issuer: Issuer, count: number): Promise<string> {
  const batch = randomBytes(8).toString('hex')
  const tokens: string[] = []
  while (tokens.length < count) {
    const size = Math.min(500, count - tokens.length)
    const ids = Array.from({ length: size }, (_, i) => `${batch}-${tokens.length + i}`)
    tokens.push(...(await Promise.all(ids.map(jti => signed(issuer, jti)))))
  }
  writeFileSync(file, `${tokens.join('\n')}\n`)
  return file
}

async function signed(issuer: Issuer, jti: string): Promise<string> {
  const input = inputOf(issuer, jti)
  const signature = await signInThread('sha256', Buffer.from(input), issuer.privateKey)
  return `${input}.${signature.toString('base64url')}`
}

/** Writes so many tokens whose signature is of the right size and wrong, no two alike. */
export function writeForgeries(file: string, issuer: Issuer, count: number): string {
  const tokens = Array.from({ length: count }, (_, i) => {
    const signature = randomBytes(256)
    // Below the modulus, so that it is not refused for its size.
    signature[0] = 0
    return `${inputOf(issuer, `forged-${i}`)}.${signature.toString('base64url')}`
  })
  writeFileSync(file, `${tokens.join('\n')}\n`)
  return file
}

function inputOf(issuer: Issuer, jti: string): string {
  const header = b64({ alg: 'RS256', typ: 'JWT', kid: issuer.kid })
  return `${header}.${b64(claimsOf(issuer, { jti }))}`
}
