import { createServer, type Server } from 'node:http'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Running } from '../../../docker/local-stack/listen.ts'
import { BJORN, EXCHANGE, portOf } from '../support.ts'
import {
  choose,
  KARI,
  openLogin,
  POCKET,
  PORTAL,
  postAs,
  REQUEST,
  startDemo,
  ticketIn,
} from './support.ts'

const INSECURE = { [oauth.allowInsecureRequests]: true } as const
const SCOPES = 'openid profile email gk_grades gk_grades_read'

/** The application's own server, which the browser is sent back to. */
let application: Server
const arrived: URL[] = []
let callback: string

let feide: Running
let server: oauth.AuthorizationServer

beforeAll(async () => {
  application = createServer((request, response) => {
    arrived.push(new URL(request.url ?? '', callback))
    response.end('welcome back')
  })
  await new Promise<void>(resolve => application.listen(0, '127.0.0.1', resolve))
  callback = `http://127.0.0.1:${portOf(application)}/callback`
  feide = await startDemo()
  const issuer = new URL(feide.url)
  server = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, INSECURE),
  )
})
afterAll(async () => {
  application.close()
  application.closeAllConnections()
  await feide.close()
})

/** What an application does: sends the browser off, and waits for it to come back. */
const logIn = async (client: oauth.Client, scope: string, user: string) => {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const url = new URL(server.authorization_endpoint ?? '')
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: callback,
    scope,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }).toString()
  const page = await (await fetch(url)).text()
  const sent = await choose(feide, { ticket: ticketIn(page), user })
  expect(sent.status).toBe(303)
  const welcome = await fetch(sent.headers.get('location') ?? '')
  expect(await welcome.text()).toBe('welcome back')
  const parameters = oauth.validateAuthResponse(server, client, arrived.at(-1) ?? url, state)
  return { verifier, nonce, parameters }
}

const redeem = async (
  client: oauth.Client,
  authentication: oauth.ClientAuth,
  { verifier, nonce, parameters }: Awaited<ReturnType<typeof logIn>>,
) => {
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    authentication,
    parameters,
    callback,
    verifier,
    INSECURE,
  )
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  })
  await oauth.validateApplicationLevelSignature(server, response, INSECURE)
  return { tokens, claims: oauth.getValidatedIdTokenClaims(tokens) }
}

describe('a login in the browser', () => {
  test.each([
    ['with a secret by Basic', PORTAL.id, oauth.ClientSecretBasic(PORTAL.secret), SCOPES],
    ['with a secret in the form', PORTAL.id, oauth.ClientSecretPost(PORTAL.secret), SCOPES],
    ['without a secret', POCKET.id, oauth.None(), 'openid profile'],
  ])('gives a client %s an opaque token and an ID token', async (_, id, authentication, scope) => {
    const client = { client_id: id }
    const login = await logIn(client, scope, 'kari')
    const { tokens, claims } = await redeem(client, authentication, login)
    const iat = claims?.iat ?? 0
    expect(tokens).toEqual({
      access_token: expect.stringMatching(/^[0-9a-f-]{36}$/),
      token_type: 'bearer',
      expires_in: expect.toSatisfy((n: number) => n === 28_799 || n === 28_800),
      scope,
      id_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    })
    expect(claims).toEqual({
      iss: feide.url,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      aud: id,
      sub: KARI,
      iat,
      exp: iat + 3600,
      auth_time: expect.toSatisfy((at: number) => at <= iat && at > iat - 60),
      nonce: login.nonce,
    })
  })

  test('leads to userinfo and, through the exchange, to a JWT that speaks for the user', async () => {
    const client = { client_id: PORTAL.id }
    const login = await logIn(client, SCOPES, 'bjorn')
    const { tokens } = await redeem(client, oauth.ClientSecretBasic(PORTAL.secret), login)
    const asked = await oauth.userInfoRequest(server, client, tokens.access_token, INSECURE)
    expect(await oauth.processUserInfoResponse(server, client, BJORN, asked)).toMatchObject({
      sub: BJORN,
      name: 'Bjørn Grønås',
      email: 'bjorn.gronas@example.no',
    })
    const exchange = { ...EXCHANGE, subject_token: tokens.access_token }
    const { body } = await postAs(feide, PORTAL, exchange)
    const [, payload = ''] = String(body.access_token).split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      sub: BJORN,
      client_id: PORTAL.id,
      scope: 'read',
    })
  })

  test('that is cancelled comes back as access_denied', async () => {
    const client = { client_id: PORTAL.id }
    const state = 'kept'
    const ticket = await openLogin(feide, { ...REQUEST, redirect_uri: callback, state })
    const sent = await choose(feide, { ticket, cancel: 'yes' })
    const back = new URL(sent.headers.get('location') ?? '')
    expect(() => oauth.validateAuthResponse(server, client, back, state)).toThrow(
      expect.objectContaining({ error: 'access_denied' }),
    )
    expect(`${back.origin}${back.pathname}`).toBe(callback)
  })
})
