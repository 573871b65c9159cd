import { FeideError } from '../feide/errors.ts'
import { login } from '../feide/login.ts'
import { type FeideClient, findTokenEndpoint, type TokenEndpoint } from '../feide/token-endpoint.ts'
import { parseToken } from '../token/bearer.ts'
import { type ExitStatus, SECRET_VARIABLE, type Terminal } from './terminal.ts'

export interface TokenOptions {
  readonly issuer: string
  readonly clientId: string
  readonly clientAuth: 'basic' | 'body'
  readonly audience: string
  readonly scope?: string
  readonly subjectToken?: string
  /** Whether a person logs in with a browser. */
  readonly login: boolean
  readonly loginScope: string
  /** Text, as it was typed. */
  readonly redirectPort: string
  readonly decode: boolean
  /** An address to call, or `true` for the gateway on this machine. */
  readonly curl?: string | true
}

/**
 * `token`: an opaque token of a client or of a person, exchanged; prints the JWT, its claims, or a
 * command to call an API with it.
 *
 * @param askSecret asks a person for the secret; `undefined` where nobody is there to ask
 */
export async function token(
  options: TokenOptions,
  askSecret: (() => Promise<string>) | undefined,
  { env, out, err }: Terminal,
): Promise<ExitStatus> {
  const wrong = wrongUsage(options)
  if (wrong !== undefined) {
    err(`error: ${wrong}`)
    return 2
  }
  const { issuer, clientId, clientAuth, audience, scope, decode, curl } = options
  const secret = env[SECRET_VARIABLE] || (await askSecret?.())
  if (!secret) {
    err(`error: expected the client secret in the environment variable ${SECRET_VARIABLE}`)
    return 2
  }
  const client: FeideClient = { id: clientId, secret, authentication: clientAuth }
  try {
    const endpoint = await findTokenEndpoint(issuer, client)
    const subjectToken = await subjectOf(options, client, endpoint, err)
    const { token: jwt } = await endpoint.exchange({ subjectToken, audience, scope })
    if (decode) out(claimsOf(jwt))
    else out(curl === undefined ? jwt : curlCommand(jwt, curl))
    return 0
  } catch (error) {
    if (!(error instanceof FeideError)) throw error
    err(`error: ${error.message}`)
    const hint = HINTS[error.code ?? '']
    if (hint !== undefined) err(`hint: ${hint}`)
    return 1
  }
}

function wrongUsage({ issuer, login, subjectToken, redirectPort, decode, curl }: TokenOptions) {
  if (!/^https?:\/\//.test(issuer) || !URL.canParse(issuer)) {
    return `--issuer: expected a URL such as https://auth.dataporten.no, got ${issuer}`
  }
  const port = Number(redirectPort)
  if (!/^\d{1,5}$/.test(redirectPort) || port < 1 || port > 65_535) {
    return `--redirect-port: expected a port from 1 to 65535, got ${redirectPort}`
  }
  if (login && subjectToken !== undefined) return 'expected either --login or --subject-token'
  if (decode && curl !== undefined) return 'expected either --decode or --curl'
  return undefined
}

/** The opaque token that is exchanged: one that was given, of a person who logs in, or of the client. */
async function subjectOf(
  { issuer, subjectToken, login: personal, loginScope, redirectPort }: TokenOptions,
  client: FeideClient,
  endpoint: TokenEndpoint,
  err: Terminal['err'],
): Promise<string> {
  if (subjectToken !== undefined) return subjectToken
  if (!personal) return (await endpoint.clientCredentials()).token
  const onAddress = (url: string) => {
    err(`Open this address in a browser, and log in:\n\n  ${url}\n`)
  }
  const port = Number(redirectPort)
  const signal = AbortSignal.timeout(PATIENCE)
  return (await login({ issuer, client, scope: loginScope, port, onAddress, signal })).token
}

/** Milliseconds that a person may take to log in. */
const PATIENCE = 10 * 60_000

/** What to do about the errors of RFC 6749 §5.2 and §4.1.2.1, as Feide answers them. */
const HINTS: Readonly<Record<string, string>> = {
  invalid_client: `the client id, or the secret in ${SECRET_VARIABLE}, is not what Feide has`,
  invalid_scope:
    'the client has not been given one of these scopes; without --scope it gets all it has',
  access_denied:
    'the owner of the data source has to give the client access in Feide’s customer portal',
  unauthorized_client: 'the client is not registered for this way of getting a token',
  unsupported_grant_type: 'this issuer does not know token exchange',
  invalid_grant: 'the token or the code has expired, or belongs to another client',
  invalid_request:
    'check --audience, and that --subject-token is an opaque token which has not expired',
  invalid_target: 'the audience is not a data source that Feide knows',
}

/** For reading only: nothing of it is verified. */
function claimsOf(jwt: string): string {
  const parsed = parseToken(jwt)
  if ('denied' in parsed) throw new FeideError('Feide answered with something else than a JWT')
  return JSON.stringify(parsed.payload, null, 2)
}

/** For a POSIX shell; the token is of base64url and dots. */
function curlCommand(jwt: string, url: string | true): string {
  const address = url === true ? 'http://127.0.0.1:8080/' : url
  return `curl -i -H 'Authorization: Bearer ${jwt}' '${address.replaceAll("'", `'\\''`)}'`
}
