import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Running } from '../../../docker/local-stack/listen.ts'
import { codeFor, PORTAL, REQUEST, redeem, startDemo } from './support.ts'

let feide: Running
beforeAll(async () => {
  feide = await startDemo()
})
afterAll(() => feide.close())

const discover = async () => {
  const response = await fetch(`${feide.url}/.well-known/openid-configuration`)
  return (await response.json()) as Record<string, unknown>
}

test('discovery lists what there is and nothing else', async () => {
  const { scopes_supported, claims_supported, ...rest } = await discover()
  expect(rest).toEqual({
    issuer: feide.url,
    authorization_endpoint: `${feide.url}/oauth/authorization`,
    token_endpoint: `${feide.url}/oauth/token`,
    jwks_uri: `${feide.url}/openid/jwks`,
    userinfo_endpoint: `${feide.url}/openid/userinfo`,
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    grant_types_supported: [
      'authorization_code',
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    code_challenge_methods_supported: ['S256'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    ui_locales_supported: ['en'],
  })
  expect(scopes_supported).toEqual(expect.arrayContaining(['openid', 'profile', 'groups-edu']))
  expect(claims_supported).toEqual(expect.arrayContaining(['sub', 'nonce', 'email']))
})

test('every endpoint that discovery lists answers', async () => {
  const endpoints = Object.entries(await discover()).filter(([name]) =>
    /_(endpoint|uri)$/.test(name),
  )
  expect(endpoints.length).toBe(4)
  for (const [name, url] of endpoints) {
    const method = name === 'token_endpoint' ? 'POST' : 'GET'
    expect([name, (await fetch(String(url), { method })).status]).not.toContain(404)
  }
})

test('the authorization request may also come as a form, as OpenID Connect asks', async () => {
  const body = new URLSearchParams(REQUEST)
  const page = await fetch(`${feide.url}/oauth/authorization`, { method: 'POST', body })
  expect(page.status).toBe(200)
  expect(await page.text()).toContain('<h1>Log in to Student portal</h1>')
})

test('a client with a secret gets on without PKCE, and without openid gets no ID token', async () => {
  const { response_type = '', redirect_uri = '' } = REQUEST
  const query = { response_type, redirect_uri, client_id: PORTAL.id, scope: 'profile' }
  const { status, headers, body } = await redeem(feide, await codeFor(feide, query), {
    code_verifier: '',
  })
  expect({ status, scope: body.scope, keys: Object.keys(body) }).toEqual({
    status: 200,
    scope: 'profile',
    keys: ['access_token', 'token_type', 'expires_in', 'scope'],
  })
  expect(headers.get('cache-control')).toBe('no-store')
})
