import * as oauth from 'oauth4webapi'
import { isLoopback } from '../policy/ip.ts'
import { FeideError, told } from './errors.ts'

/** A client as registered with Feide, or a data source, which is one too. */
export interface FeideClient {
  readonly id: string
  readonly secret: string
  /** How the secret is sent (RFC 6749 §2.3.1): Feide takes both. */
  readonly authentication?: 'basic' | 'body'
}

/** A token that Feide gave. */
export interface Granted {
  readonly token: string
  /** Seconds that it lives, where Feide said so. */
  readonly expiresIn: number | undefined
}

export interface TokenEndpoint {
  /** An opaque access token without a user (RFC 6749 §4.4). */
  readonly clientCredentials: () => Promise<Granted>
  /** A JWT for a data source (RFC 8693), in exchange for an opaque access token. */
  readonly exchange: (wanted: Exchange) => Promise<Granted>
  /** An opaque token for Feide's own APIs, in exchange for a JWT that the data source was sent. */
  readonly exchangeBack: (wanted: ExchangeBack) => Promise<Granted>
}

export interface Exchange {
  readonly subjectToken: string
  /** `https://n.feide.no/datasources/<id>` */
  readonly audience: string
  /** Space separated; without it: all that the client may have. */
  readonly scope?: string | undefined
}

export interface ExchangeBack {
  readonly jwt: string
  /** Space separated; without it: all that the data source may have. */
  readonly scope?: string | undefined
}

export interface EndpointOptions {
  /** Milliseconds for one request to Feide. */
  readonly timeout?: number
  /** `http://` is else for a stand-in on this machine alone: the secret travels with the request. */
  readonly allowHttp?: boolean
}

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'

const TIMEOUT = 10_000

/** Options of a request to an issuer, made anew for each, since the time runs from here. */
export const requestOptions = (
  issuer: string,
  { timeout = TIMEOUT, allowHttp = false }: EndpointOptions = {},
) => ({
  signal: AbortSignal.timeout(timeout),
  [oauth.allowInsecureRequests]: allowHttp || isLoopback(issuer),
})

/** Finds Feide's endpoints (OpenID Connect Discovery 1.0 §4). */
export const discover = (
  issuer: string,
  options: EndpointOptions = {},
): Promise<oauth.AuthorizationServer> =>
  told(`${issuer} cannot be reached`, async () => {
    const answer = await oauth.discoveryRequest(new URL(issuer), requestOptions(issuer, options))
    return oauth.processDiscoveryResponse(new URL(issuer), answer)
  })

/** Finds Feide's token endpoint by discovery. */
export async function findTokenEndpoint(
  issuer: string,
  client: FeideClient,
  options: EndpointOptions = {},
): Promise<TokenEndpoint> {
  const server = await discover(issuer, options)
  const ask = asker(server, client, () => requestOptions(issuer, options))
  return {
    clientCredentials: () =>
      ask('client credentials were refused', 'client_credentials', {}, undefined),
    exchange: ({ subjectToken, audience, scope }) => {
      const subject = { subject_token: subjectToken, subject_token_type: ACCESS_TOKEN }
      return ask('the token exchange was refused', GRANT, { ...subject, audience }, scope)
    },
    exchangeBack: ({ jwt, scope }) => {
      const subject = { subject_token: jwt, subject_token_type: JWT }
      const wanted = { ...subject, requested_token_type: ACCESS_TOKEN, audience: issuer }
      return ask("the data source's token exchange was refused", GRANT, wanted, scope)
    },
  }
}

export const authenticationOf = ({ secret, authentication }: FeideClient): oauth.ClientAuth => {
  if (secret === '') return oauth.None()
  return authentication === 'body'
    ? oauth.ClientSecretPost(secret)
    : oauth.ClientSecretBasic(secret)
}

function asker(
  server: oauth.AuthorizationServer,
  feideClient: FeideClient,
  options: () => ReturnType<typeof requestOptions>,
) {
  const client = { client_id: feideClient.id }
  const authentication = authenticationOf(feideClient)
  return (what: string, grant: string, parameters: Record<string, string>, scope?: string) =>
    told(what, async (): Promise<Granted> => {
      const answer = await oauth.genericTokenEndpointRequest(
        server,
        client,
        authentication,
        grant,
        { ...parameters, ...(scope === undefined ? {} : { scope }) },
        options(),
      )
      const granted = await oauth.processGenericTokenEndpointResponse(server, client, answer)
      return { token: granted.access_token, expiresIn: granted.expires_in }
    })
}

/** What Feide gives is written into a header as it is. */
export function headerSafe({ token, ...others }: Granted): Granted {
  if (!/^[!-~]+$/.test(token))
    throw new FeideError('Feide answered with something that is no token')
  return { token, ...others }
}
