import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { startFeide } from '../../../docker/local-stack/feide.ts'
import type { Running } from '../../../docker/local-stack/listen.ts'
import { basic, EXCHANGE, type Form, PLANNER, post } from '../support.ts'

/** Of `docker/local-stack/feide.yaml`. */
export const PORTAL = {
  id: '5d0b1f8e-6a53-4c6e-b3a5-0f5f8f7a2c90',
  secret: 'local-secret-of-the-student-portal',
}
/** A public client. */
export const POCKET = { id: 'c2a9d3b4-1f5e-4d77-8a0b-6e1c9f3d5b28' }
export const GRADES_API = {
  id: '02d0f79b-7fbc-422b-bb31-a4d22121f040',
  secret: 'local-secret-of-the-grades-api',
}
export const KARI = 'b4c6f0d2-5a0e-4d0b-8c63-2d1f1d0a9e57'
export const CALLBACK = 'http://127.0.0.1:5555/callback'

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

export const VERIFIER = 'a-verifier-of-at-least-forty-three-characters-0'
export const challengeOf = (verifier: string): string =>
  createHash('sha256').update(verifier).digest('base64url')

/** A clock that a test can put forward, in seconds. */
export interface Clock {
  skew: number
  readonly now: () => number
}

export const makeClock = (): Clock => {
  const clock = { skew: 0, now: () => Date.now() / 1000 + clock.skew }
  return clock
}

export const startDemo = (clock = makeClock()): Promise<Running> =>
  startFeide({ port: 0, now: clock.now })

/** The demo for all tests of a file, with a clock that is right again after each of them. */
export function demoFeide(): { readonly feide: Running; readonly clock: Clock } {
  const clock = makeClock()
  let running: Running | undefined
  const up = (): Running => {
    if (running === undefined) throw new Error('the stand-in is not up')
    return running
  }
  beforeAll(async () => {
    running = await startDemo(clock)
  })
  afterEach(() => {
    clock.skew = 0
  })
  afterAll(() => running?.close())
  const feide: Running = {
    get url() {
      return up().url
    },
    close: () => up().close(),
  }
  return { feide, clock }
}

export const PKCE = {
  code_challenge: challengeOf(VERIFIER),
  code_challenge_method: 'S256',
}

/** A good request of the student portal. */
export const REQUEST: Form = {
  response_type: 'code',
  client_id: PORTAL.id,
  redirect_uri: CALLBACK,
  scope: 'openid profile',
  state: 'a state',
  ...PKCE,
}

/** Opens the authorization endpoint and follows nothing. */
export const authorize = (feide: Running, query: Form | string): Promise<Response> =>
  fetch(`${feide.url}/oauth/authorization?${new URLSearchParams(query)}`, { redirect: 'manual' })

export const locationOf = (response: Response): URL =>
  new URL(response.headers.get('location') ?? 'none:')

/** Sends the form of a login page, and follows nothing. */
export const choose = (
  feide: Running,
  form: Form,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> =>
  fetch(`${feide.url}/_local/choice`, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers,
    redirect: 'manual',
  })

export const ticketIn = (page: string): string =>
  /<input type="hidden" name="ticket" value="([^"]+)">/.exec(page)?.[1] ?? 'no ticket'

/** Opens a login page and gives its ticket. */
export const openLogin = async (feide: Running, query: Form = REQUEST): Promise<string> =>
  ticketIn(await (await authorize(feide, query)).text())

/** A code for a user who chose to log in. */
export const codeFor = async (
  feide: Running,
  query: Form = REQUEST,
  user = 'bjorn',
): Promise<string> => {
  const ticket = await openLogin(feide, query)
  return locationOf(await choose(feide, { ticket, user })).searchParams.get('code') ?? 'no code'
}

export const redeem = (
  feide: Running,
  code: string,
  changed: Form = {},
  headers: Readonly<Record<string, string>> = { Authorization: basic(PORTAL) },
) => {
  const form = { grant_type: 'authorization_code', redirect_uri: CALLBACK, code_verifier: VERIFIER }
  return post(`${feide.url}/oauth/token`, { ...form, code, ...changed }, headers)
}

/** An opaque token of the student portal, for a user who logged in with these scopes. */
export const loggedIn = async (feide: Running, scope: string, user = 'bjorn'): Promise<string> => {
  const { body } = await redeem(feide, await codeFor(feide, { ...REQUEST, scope }, user))
  return String(body.access_token)
}

/** Sends a form, with the client's credentials by Basic. */
export const postAs = (feide: Running, client: typeof PORTAL, form: Form, path = '/oauth/token') =>
  post(`${feide.url}${path}`, form, { Authorization: basic(client) })

/** The JWT that the study planner would send to the data source, for a user or for itself. */
export const jwtFor = async (feide: Running, user?: string): Promise<string> => {
  const opaque =
    user === undefined
      ? await postAs(feide, PLANNER, { grant_type: 'client_credentials' })
      : await postAs(feide, PLANNER, { user }, '/_local/login')
  const exchange = { ...EXCHANGE, subject_token: String(opaque.body.access_token) }
  return String((await postAs(feide, PLANNER, exchange)).body.access_token)
}

/** What the data source asks for: an opaque token for the JWT that it was sent. */
export const dataSourceExchange = (feide: Running, jwt: string): Form => ({
  grant_type: EXCHANGE.grant_type ?? '',
  subject_token: jwt,
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  requested_token_type: ACCESS_TOKEN,
  audience: feide.url,
})

export const get = async (url: string, token?: string) => {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const response = await fetch(url, { headers })
  const body: unknown = await response.json()
  return { status: response.status, challenge: response.headers.get('www-authenticate'), body }
}

export const refusalOf = (error: string) => ({
  error,
  error_description: expect.stringMatching(/./),
  error_uri: 'https://docs.dataporten.no',
})
