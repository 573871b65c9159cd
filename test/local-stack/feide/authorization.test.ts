import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Running } from '../../../docker/local-stack/listen.ts'
import { PLANNER } from '../support.ts'
import {
  authorize,
  GRADES_API,
  locationOf,
  PKCE,
  POCKET,
  PORTAL,
  REQUEST,
  startDemo,
} from './support.ts'

let feide: Running
beforeAll(async () => {
  feide = await startDemo()
})
afterAll(() => feide.close())

const text = (query: Record<string, string>) => new URLSearchParams(query).toString()
const { redirect_uri: _, ...WITHOUT_REDIRECT } = REQUEST

describe('never redirects, but shows a page,', () => {
  test.each([
    ['an unknown client', { ...REQUEST, client_id: 'nobody' }],
    ['no client', { ...REQUEST, client_id: '' }],
    ['a client that nobody logs in to', { ...REQUEST, client_id: PLANNER.id }],
    ['a data source', { ...REQUEST, client_id: GRADES_API.id }],
    ['no redirect_uri', WITHOUT_REDIRECT],
    [
      'a redirect_uri of another client',
      { ...REQUEST, redirect_uri: 'no.example.planner:/callback' },
    ],
    ['a client given twice', `${text(REQUEST)}&client_id=${PORTAL.id}`],
    ['a redirect_uri given twice', `${text(REQUEST)}&redirect_uri=http://evil.example/`],
    ['a foreign redirect_uri given first', `redirect_uri=http://evil.example/&${text(REQUEST)}`],
  ])('for %s', async (_name, query) => {
    const response = await authorize(feide, query)
    expect({ status: response.status, location: response.headers.get('location') }).toEqual({
      status: 400,
      location: null,
    })
    const page = await response.text()
    expect(page).toContain('<h1>This login cannot start</h1>')
    expect(page).toContain('This is a stand-in for Feide')
  })

  test.each([
    'http://evil.example/callback',
    'https://127.0.0.1:5555/callback',
    'http://127.0.0.1.evil.example/callback',
    'http://127.0.0.1:5555@evil.example/callback',
    'http://127.0.0.1:80@evil.example/callback',
    'http://127.0.0.1:5555:80/callback',
    'http://user@127.0.0.1:5555/callback',
    'http://127.0.0.1:0/callback',
    'http://127.0.0.1:65536/callback',
    'http://127.0.0.1:5555/callback/',
    'http://127.0.0.1:5555/callback?next=http://evil.example/',
    'http://127.0.0.1:5555/callback#',
    'http://127.0.0.1:5555/callback#fragment',
    'http://127.0.0.1:5555/callback/../elsewhere',
    'http://127.0.0.1:5555/Callback',
    'http://127.0.0.1:5555//callback',
    'http://127.0.0.1:5555\\@evil.example/callback',
    'http://127.0.0.1:5555/callback\r\nSet-Cookie: a=b',
    'http://127.0.0.2:5555/callback',
    'http://[::1]:5555/callback',
    'http://127.0.0.1/callback.evil',
    'http://127.0.0.1/callback/../elsewhere',
    'http://localhost:8000/callback?next=http://evil.example/',
    'http://localhost:8000/callback@evil.example/',
    'http://localhost:8001/callback',
    'http://localhost/callback',
    'HTTP://127.0.0.1:5555/callback',
    'http://127.1:5555/callback',
    '//127.0.0.1:5555/callback',
    '/callback',
    'javascript:alert(1)',
    'data:text/html,callback',
  ])('for the redirect_uri %j', async redirect_uri => {
    const response = await authorize(feide, { ...REQUEST, redirect_uri })
    expect([response.status, response.headers.get('location')]).toEqual([400, null])
  })
})

test.each([
  ['http://127.0.0.1/callback', PORTAL.id],
  ['http://127.0.0.1:1/callback', PORTAL.id],
  ['http://127.0.0.1:65535/callback', PORTAL.id],
  ['http://localhost:8000/callback', PORTAL.id],
  ['http://[::1]:4711/callback', POCKET.id],
  ['no.example.planner:/callback', POCKET.id],
])('%s is taken', async (redirect_uri, client_id) => {
  const scope = 'openid'
  const response = await authorize(feide, { ...REQUEST, scope, redirect_uri, client_id })
  expect(response.status).toBe(200)
})

describe('sends the browser back with the error and the state,', () => {
  const { code_challenge: challenge, code_challenge_method: method, ...PLAIN } = REQUEST
  const pocket = { ...PLAIN, client_id: POCKET.id, scope: 'openid' }
  test.each<[string, string, Record<string, string> | string]>([
    ['no response_type', 'invalid_request', { ...REQUEST, response_type: '' }],
    ['the implicit flow', 'unsupported_response_type', { ...REQUEST, response_type: 'token' }],
    [
      'the hybrid flow',
      'unsupported_response_type',
      { ...REQUEST, response_type: 'code id_token' },
    ],
    ['another response_mode', 'invalid_request', { ...REQUEST, response_mode: 'fragment' }],
    ['a scope that was not granted', 'invalid_scope', { ...REQUEST, scope: 'openid admin' }],
    ['a request object', 'request_not_supported', { ...REQUEST, request: 'e30.e30.' }],
    ['a request_uri', 'request_uri_not_supported', { ...REQUEST, request_uri: 'http://a.example' }],
    ['prompt=none, as nobody is logged in', 'login_required', { ...REQUEST, prompt: 'none' }],
    ['the challenge plain', 'invalid_request', { ...REQUEST, code_challenge_method: 'plain' }],
    [
      'a challenge without method',
      'invalid_request',
      { ...PLAIN, code_challenge: challenge ?? '' },
    ],
    ['a method without challenge', 'invalid_request', { ...PLAIN, code_challenge_method: 'S256' }],
    ['a challenge that is no digest', 'invalid_request', { ...REQUEST, code_challenge: 'short' }],
    ['a public client without PKCE', 'invalid_request', pocket],
    [
      'a public client with the challenge plain',
      'invalid_request',
      { ...pocket, ...PKCE, code_challenge_method: 'plain' },
    ],
    ['a scope given twice', 'invalid_request', `${text(REQUEST)}&scope=openid`],
    ['an unknown parameter given twice', 'invalid_request', `${text(REQUEST)}&%22%0A=1&%22%0A=2`],
  ])('%s: %s', async (_name, error, query) => {
    const response = await authorize(feide, query)
    const back = locationOf(response)
    expect(response.status).toBe(303)
    expect(`${back.origin}${back.pathname}`).toBe('http://127.0.0.1:5555/callback')
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error,
      // RFC 6749 section 4.1.2.1 allows no quote, backslash and control character.
      error_description: expect.stringMatching(/^[ !#-[\]-~]+$/),
      error_uri: 'https://docs.dataporten.no',
      state: 'a state',
    })
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(method).toBe('S256')
  })

  test('but without a state that was given twice', async () => {
    const back = locationOf(await authorize(feide, `${text(REQUEST)}&state=b`))
    expect([back.searchParams.get('error'), back.searchParams.get('state')]).toEqual([
      'invalid_request',
      null,
    ])
  })

  test('and keeps a state to the last byte', async () => {
    const state = 'a&b=c#d\r\nLocation: http://evil.example/ "<æ>%00'
    const back = locationOf(await authorize(feide, { ...REQUEST, state, scope: 'nope' }))
    expect(back.searchParams.get('state')).toBe(state)
    expect(back.searchParams.getAll('state')).toHaveLength(1)
    expect(back.host).toBe('127.0.0.1:5555')
  })
})
