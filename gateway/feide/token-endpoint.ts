import * as oauth from 'oauth4webapi'
import { isLoopback } from '../policy/ip.ts'

/** A client as registered with Feide. */
export interface FeideClient {
  readonly id: string
  readonly secret: string
}

export interface TokenEndpoint {
  /** An opaque access token without a user (RFC 6749 §4.4). */
  readonly clientCredentials: () => Promise<string>
  /** A JWT for a data source (RFC 8693), in exchange for an opaque access token. */
  readonly exchange: (wanted: Exchange) => Promise<string>
}

export interface Exchange {
  readonly subjectToken: string
  /** `https://n.feide.no/datasources/<id>` */
  readonly audience: string
  /** Space separated; without it: all that the client may have. */
  readonly scope?: string | undefined
}

/** What went wrong, in words for a person; never a secret, never a token. */
export class FeideError extends Error {
  override readonly name = 'FeideError'
}

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

/** Milliseconds for one request to Feide. */
const TIMEOUT = 10_000

/** Finds Feide's token endpoint by discovery. `http://` is for a stand-in on this machine. */
export async function findTokenEndpoint(
  issuer: string,
  { id, secret }: FeideClient,
): Promise<TokenEndpoint> {
  const url = new URL(issuer)
  const options = () => ({
    signal: AbortSignal.timeout(TIMEOUT),
    // The secret travels with the request: in the clear within this machine alone.
    [oauth.allowInsecureRequests]: isLoopback(issuer),
  })
  const server = await told(`${issuer} cannot be reached`, async () =>
    oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, options())),
  )
  const client = { client_id: id }
  const authentication = oauth.ClientSecretBasic(secret)

  const clientCredentials = () =>
    told('client credentials were refused', async () => {
      const none = new URLSearchParams()
      const answer = await oauth.clientCredentialsGrantRequest(
        server,
        client,
        authentication,
        none,
        options(),
      )
      const granted = await oauth.processClientCredentialsResponse(server, client, answer)
      return granted.access_token
    })

  const exchange = ({ subjectToken, audience, scope }: Exchange) =>
    told('the token exchange was refused', async () => {
      const parameters = {
        subject_token: subjectToken,
        subject_token_type: ACCESS_TOKEN,
        audience,
        ...(scope === undefined ? {} : { scope }),
      }
      const answer = await oauth.genericTokenEndpointRequest(
        server,
        client,
        authentication,
        GRANT,
        parameters,
        options(),
      )
      const granted = await oauth.processGenericTokenEndpointResponse(server, client, answer)
      return granted.access_token
    })

  return { clientCredentials, exchange }
}

async function told<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw new FeideError(`${what}: ${reasonOf(error)}`)
  }
}

/** Feide's own `error` and `error_description`, where it gave them. */
function reasonOf(error: unknown): string {
  if (error instanceof oauth.ResponseBodyError) {
    return [error.error, error.error_description].filter(Boolean).join(', ')
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    return `the client id or the secret is wrong (status ${error.status})`
  }
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return code || error.message
}
