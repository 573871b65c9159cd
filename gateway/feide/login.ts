import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import * as oauth from 'oauth4webapi'
import { FeideError, told } from './errors.ts'
import {
  authenticationOf,
  discover,
  type EndpointOptions,
  type FeideClient,
  type Granted,
  requestOptions,
} from './token-endpoint.ts'

export interface LoginOptions extends EndpointOptions {
  readonly issuer: string
  /** With an empty secret: a public client. */
  readonly client: FeideClient
  /** Space separated. */
  readonly scope: string
  /** The port of 127.0.0.1 that the browser is sent back to: `http://127.0.0.1:<port>/callback`. */
  readonly port: number
  /** Called with the address that a person has to open in a browser. */
  readonly onAddress: (url: string) => void
  /** Ends the wait for the person. */
  readonly signal?: AbortSignal
}

const CALLBACK = '/callback'

/**
 * A person logs in with a browser: authorization code with PKCE (RFC 7636), sent back to this machine
 * (RFC 8252 §7.3).
 *
 * @returns the person's opaque access token
 */
export async function login(options: LoginOptions): Promise<Granted> {
  const { issuer, client: feideClient, scope, port, onAddress } = options
  const server = await discover(issuer, options)
  if (!server.authorization_endpoint) throw new FeideError(`${issuer} has no login page`)
  const client = { client_id: feideClient.id }
  const redirectUri = `http://127.0.0.1:${port}${CALLBACK}`
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()

  const address = new URL(server.authorization_endpoint)
  for (const [name, value] of Object.entries({
    ...client,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })) {
    address.searchParams.set(name, value)
  }
  return awaitRedirect(
    options,
    state,
    () => onAddress(address.href),
    url =>
      told('the login was refused', async () => {
        const parameters = oauth.validateAuthResponse(server, client, url, state)
        const answer = await oauth.authorizationCodeGrantRequest(
          server,
          client,
          authenticationOf(feideClient),
          parameters,
          redirectUri,
          verifier,
          requestOptions(issuer, options),
        )
        const expected = scope.split(' ').includes('openid') ? { expectedNonce: nonce } : {}
        const granted = await oauth.processAuthorizationCodeResponse(
          server,
          client,
          answer,
          expected,
        )
        return { token: granted.access_token, expiresIn: granted.expires_in }
      }),
  )
}

/** Serves the one address that the browser comes back to, until it does. */
function awaitRedirect(
  { port, signal }: LoginOptions,
  state: string,
  onReady: () => void,
  finish: (url: URL) => Promise<Granted>,
): Promise<Granted> {
  return new Promise((resolve, reject) => {
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      const url = new URL(request.url ?? '/', `http://127.0.0.1:${port}`)
      const isOurs = request.method === 'GET' && url.pathname === CALLBACK
      // Any page that the person has open could send the browser here; only Feide knows the state.
      if (!isOurs || url.searchParams.get('state') !== state) return say(response, 404, NOTHING)
      server.close()
      finish(url).then(
        granted => {
          say(response, 200, DONE)
          resolve(granted)
        },
        (error: unknown) => {
          say(response, 400, FAILED)
          reject(error)
        },
      )
    }
    const server = createServer(answer)
    server.on('error', error =>
      reject(new FeideError(`cannot listen on port ${port}: ${error.message}`)),
    )
    server.listen(port, '127.0.0.1', onReady)
    signal?.addEventListener('abort', () => {
      server.close()
      reject(new FeideError('nobody logged in'))
    })
  })
}

const NOTHING = 'There is nothing here.'
const DONE = 'You are logged in. Close this window and go back to the terminal.'
const FAILED = 'The login did not succeed. The terminal says why.'

function say(response: ServerResponse, status: number, text: string): void {
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': "default-src 'none'",
    'Cache-Control': 'no-store',
    Connection: 'close',
  }
  const page = `<!doctype html><html lang="en"><title>feide-gateway</title><main><h1>${text}</h1></main></html>`
  response.writeHead(status, headers).end(page)
}
