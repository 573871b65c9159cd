import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { authenticateClient } from './feide/client-auth.ts'
import { type Form, readForm } from './feide/form.ts'
import { grant, localLogin } from './feide/grants.ts'
import { makeSigningKey, userClaims } from './feide/jwt.ts'
import { opaqueTokens } from './feide/opaque.ts'
import { bodyOf, isRefusal, type Refusal, statusOf } from './feide/refusal.ts'
import { type Client, type Register, readRegister } from './feide/register.ts'
import type { Feide, TokenAnswer } from './feide/token-answer.ts'
import { isLoopback, listen, type Running } from './listen.ts'

export interface FeideOptions {
  /** 0 takes any free port. */
  readonly port: number
  readonly host?: string
  /** The secrets are public, so any other host than a loopback address must be asked for. */
  readonly allowRemote?: boolean
  /** What tokens say in `iss`, when the URL that is listened on is not the one others use. */
  readonly issuer?: string
  readonly register?: Register
  /** Seconds since 1970; a test can travel in time. */
  readonly now?: () => number
}

/** Starts a stand-in for Feide. Never for production: see the README beside this file. */
export const startFeide = async ({
  port,
  host = '127.0.0.1',
  allowRemote = false,
  issuer,
  register = readRegister(),
  now = () => Date.now() / 1000,
}: FeideOptions): Promise<Running> => {
  if (!allowRemote && !isLoopback(host))
    throw new Error(`the stand-in for Feide listens on loopback addresses only, not on ${host}`)
  const key = await makeSigningKey()
  const server = createServer()
  const running = await listen(server, port, host)
  // Only now is the port known, which is part of the issuer's name. Nobody can have asked yet:
  // connections are taken up after this turn of the event loop.
  const url = issuer ?? running.url
  const feide = { issuer: url, register, tokens: opaqueTokens(now), key, now }
  server.on('request', getRequestListener(feideApp(feide).fetch))
  return { ...running, url }
}

const feideApp = (feide: Feide): Hono => {
  const app = new Hono()
  app.use(bodyLimit({ maxSize: 64 * 1024 }))
  app.get('/.well-known/openid-configuration', c => c.json(discovery(feide)))
  app.get('/openid/jwks', c =>
    c.json({ keys: [feide.key.jwk] }, 200, { 'Cache-Control': 'no-cache' }),
  )
  app.get('/openid/userinfo', c => userinfo(feide, c))
  app.post('/oauth/token', c => tokenAnswer(feide, c, grant))
  app.post('/_local/login', c => tokenAnswer(feide, c, localLogin))
  return app
}

// No authorization_endpoint: a document that lists what does not answer would only mislead.
const discovery = ({ issuer, register }: Feide) => ({
  issuer,
  token_endpoint: `${issuer}/oauth/token`,
  jwks_uri: `${issuer}/openid/jwks`,
  userinfo_endpoint: `${issuer}/openid/userinfo`,
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  grant_types_supported: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  scopes_supported: [...new Set([...register.clients.values()].flatMap(({ scopes }) => scopes))],
})

type Handler = (
  feide: Feide,
  client: Client,
  form: Form,
) => TokenAnswer | Refusal | Promise<TokenAnswer | Refusal>

const tokenAnswer = async (feide: Feide, c: Context, handle: Handler): Promise<Response> => {
  const form = readForm(c.req.header('content-type'), await c.req.text())
  if (isRefusal(form)) return refusal(c, form)
  const client = authenticateClient(feide.register, c.req.header('authorization'), form)
  if (isRefusal(client)) return refusal(c, client)
  const answer = await handle(feide, client, form)
  if (isRefusal(answer)) return refusal(c, answer)
  return c.json(answer, 200, NO_STORE)
}

// RFC 6749 section 5.1 asks for both.
const NO_STORE = { 'Cache-Control': 'no-store', Pragma: 'no-cache' }

const refusal = (c: Context, it: Refusal): Response => {
  const challenge = { 'WWW-Authenticate': 'Basic realm="Feide", charset="UTF-8"' }
  const status = statusOf(it)
  return c.json(bodyOf(it), status, { ...NO_STORE, ...(status === 401 && challenge) })
}

const userinfo = (feide: Feide, c: Context): Response => {
  const bearer = /^bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
  const user = bearer === undefined ? undefined : feide.tokens.find(bearer)?.user
  if (!user) {
    const challenge = 'Bearer realm="Feide", error="invalid_token"'
    return c.json({ error: 'invalid_token' }, 401, { ...NO_STORE, 'WWW-Authenticate': challenge })
  }
  const claims = userClaims(user, ['name', 'picture', 'userid_sec', 'eduPersonPrincipalName'])
  return c.json({ sub: user.id, ...claims }, 200, NO_STORE)
}
