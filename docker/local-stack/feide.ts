import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { authorizationCodes } from './feide/codes.ts'
import { discovery } from './feide/discovery.ts'
import { grant, localLogin } from './feide/grants.ts'
import { myGroups, myMembership } from './feide/groups.ts'
import { makeKeyRing } from './feide/keys.ts'
import { authorizationEndpoint, choiceEndpoint } from './feide/login.ts'
import { CHOICE } from './feide/login-page.ts'
import { opaqueTokens } from './feide/opaque.ts'
import { fromOwnSite } from './feide/own-site.ts'
import { errorPage, HOME, showPage } from './feide/pages.ts'
import { type Register, readRegister } from './feide/register.ts'
import { rotateKeys } from './feide/rotation.ts'
import { loginTickets } from './feide/tickets.ts'
import type { Feide } from './feide/token-answer.ts'
import { tokenEndpoint } from './feide/token-endpoint.ts'
import { userinfo } from './feide/userinfo.ts'
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
  const keys = await makeKeyRing(register.keyOverlap, now)
  const server = createServer()
  const running = await listen(server, port, host)
  // Only now is the port known, which is part of the issuer's name. Nobody can have asked yet:
  // connections are taken up after this turn of the event loop.
  const url = issuer ?? running.url
  const tokens = opaqueTokens(now)
  const codes = authorizationCodes(now, tokens.revoke)
  const tickets = loginTickets(now)
  const feide = { issuer: url, register, tokens, tickets, codes, keys, now }
  server.on('request', getRequestListener(feideApp(feide).fetch))
  return { ...running, url }
}

const feideApp = (feide: Feide): Hono => {
  const app = new Hono()
  app.use(bodyLimit({ maxSize: 64 * 1024 }))
  app.get('/', c => showPage(c, HOME))
  app.get('/.well-known/openid-configuration', c => c.json(discovery(feide)))
  app.get('/openid/jwks', c =>
    c.json({ keys: feide.keys.published() }, 200, { 'Cache-Control': 'no-cache' }),
  )
  app.on(['GET', 'POST'], '/openid/userinfo', userinfo(feide))
  app.on(['GET', 'POST'], '/oauth/authorization', authorizationEndpoint(feide))
  app.post('/oauth/token', tokenEndpoint(feide, grant))
  app.get('/groups/me/groups', myGroups(feide))
  app.get('/groups/me/groups/:id', myMembership(feide))
  app.use('/_local/*', fromOwnSite(feide))
  app.post('/_local/login', tokenEndpoint(feide, localLogin))
  app.post('/_local/rotate', rotateKeys(feide))
  app.post(CHOICE, choiceEndpoint(feide))
  app.notFound(c =>
    showPage(c, errorPage('Nothing is here', 'This address is not one of Feide.'), 404),
  )
  return app
}
