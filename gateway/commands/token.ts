import { FeideError } from '../feide/errors.ts'
import { findTokenEndpoint } from '../feide/token-endpoint.ts'
import { parseToken } from '../token/bearer.ts'
import type { ExitStatus, Terminal } from './terminal.ts'

export interface TokenOptions {
  readonly issuer: string
  readonly clientId: string
  readonly audience: string
  readonly scope?: string
  readonly subjectToken?: string
  readonly decode: boolean
}

/** Where the secret of the client is looked for: an argument could be read by everyone on the machine. */
export const SECRET_VARIABLE = 'FEIDE_CLIENT_SECRET'

/**
 * `token`: client credentials, then token exchange; prints the JWT, or its claims.
 *
 * @param askSecret asks a person for the secret; `undefined` where nobody is there to ask
 */
export async function token(
  options: TokenOptions,
  askSecret: (() => Promise<string>) | undefined,
  { env, out, err }: Terminal,
): Promise<ExitStatus> {
  const { issuer, clientId, audience, scope, subjectToken, decode } = options
  if (!/^https?:\/\//.test(issuer) || !URL.canParse(issuer)) {
    err(`error: --issuer: expected a URL such as https://auth.dataporten.no, got ${issuer}`)
    return 2
  }
  const secret = env[SECRET_VARIABLE] || (await askSecret?.())
  if (!secret) {
    err(`error: expected the client secret in the environment variable ${SECRET_VARIABLE}`)
    return 2
  }
  try {
    const endpoint = await findTokenEndpoint(issuer, { id: clientId, secret })
    const opaque = subjectToken ?? (await endpoint.clientCredentials()).token
    const { token: jwt } = await endpoint.exchange({ subjectToken: opaque, audience, scope })
    out(decode ? claimsOf(jwt) : jwt)
    return 0
  } catch (error) {
    if (!(error instanceof FeideError)) throw error
    err(`error: ${error.message}`)
    return 1
  }
}

/** For reading only: nothing of it is verified. */
function claimsOf(jwt: string): string {
  const parsed = parseToken(jwt)
  if ('denied' in parsed) throw new FeideError('Feide answered with something else than a JWT')
  return JSON.stringify(parsed.payload, null, 2)
}
