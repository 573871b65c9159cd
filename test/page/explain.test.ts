import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { count } from '../life/support.ts'
import { CLAIM, CLIENT_ID, USER_ID } from '../support/issuer.ts'
import { ROUTES } from '../support/policy.ts'
import { startWorld, type World } from '../support/world.ts'
import { askPage, postForm, textOf } from './support.ts'

/** The form that explains a request, as it works without JavaScript. */

const NIN = '01017012345'
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds

describe.each([1, 2])('with %d process(es)', workers => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({
      workers,
      dataSources: {
        grades: {
          headers: {
            useridSec: ['feide', 'nin'],
            inject: { 'X-Nin': { claim: `${CLAIM}nin`, encoding: 'base64url' } },
          },
          upstream: { credentials: { basic: { username: 'dataporten', password: 'pass-word' } } },
          routes: { ...ROUTES, 'GET /audit': { scopes: ['audit'], enforce: false } },
        },
      },
    })
  })
  afterAll(() => world.stop())

  const explain = async (url: string, token = '', method = 'GET'): Promise<string> =>
    textOf(await postForm(world.gateway.adminPort, { method, url, token }), 'answer')

  test('a public route needs no token', async () => {
    const text = await explain('/health')
    expect(text).toContain('✓ Allowed GET /health , without a token')
    expect(text).toContain('Needed nothing: it is public')
  })
  test('a good token: whom it speaks for, and what the API would see', async () => {
    const text = await explain('/courses?a=b', world.issuer.token({ scope: 'read' }))
    expect(text).toContain('✓ Allowed GET /courses?a=b , with a token')
    expect(text).toContain('Needed a token with read')
    expect(text).toContain('The token has read ; it speaks for a user')
    expect(text).toContain(`Client ${CLIENT_ID}`)
    expect(text).toContain('What the token says ')
    expect(text).toContain(`GET ${world.upstream.url}/courses?a=b`)
    expect(text).toContain('X-Dataporten-scopes: read')
    expect(text).toContain('Authorization: Basic [hidden]')
  })
  test.for(['Authorization: Bearer TOKEN', 'Bearer TOKEN', '  TOKEN\r\n'])(
    'takes a token as people paste it: %j',
    async around => {
      const token = world.issuer.token({ scope: 'read' })
      expect(await explain('/courses', around.replace('TOKEN', token))).toContain('✓ Allowed')
    },
  )
  test('takes a token that a terminal has wrapped', async () => {
    const token = world.issuer.token({ scope: 'read' }).replace(/.{80}/g, '$&\r\n')
    expect(await explain('/courses', token)).toContain('✓ Allowed')
  })
  test('a token that has expired: when', async () => {
    const token = world.issuer.token({ iat: inSeconds(-900), exp: inSeconds(-600) })
    const text = await explain('/courses', token)
    expect(text).toContain('Refused: 401 token_expired')
    expect(text).toContain('What the token says of itself: not proved')
    expect(text).toMatch(/Expired 10 min ago \( \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)/)
  })
  test('a token for another API: for which, and which it should be', async () => {
    const text = await explain('/courses', world.issuer.token({ aud: 'https://other.example' }))
    expect(text).toContain('Refused: 401 token_audience')
    expect(text).toContain('Audience https://n.feide.no/datasources/02d0f79b')
    expect(text).toContain('Audience https://other.example')
  })
  test('a forged token is refused by the gateway’s own keys', async () => {
    const [head, , signature] = world.issuer.token({ scope: 'read' }).split('.')
    const claims = Buffer.from(JSON.stringify(world.issuer.claims({ scope: 'admin' })))
    const text = await explain('/courses', `${head}.${claims.toString('base64url')}.${signature}`)
    expect(text).toContain('Refused: 401 token_signature')
    expect(text).toContain('The token was changed on its way, or forged.')
  })
  test('a token that is signed with an unknown key', async () => {
    const token = world.issuer.token({ scope: 'read' }, { header: { kid: 'unknown' } })
    const text = await explain('/courses', token)
    expect(text).toContain('Refused: 401 token_key_unknown')
    expect(text).toContain('Signed RS256, key unknown')
  })
  test('an opaque token has to be exchanged', async () => {
    const text = await explain('/courses', '0b9f8dde-5a0e-4f0b-9b9e-3f4e0a3f4e0a')
    expect(text).toContain('Refused: 401 token_opaque')
  })
  test('what is let through for lack of enforcement alone', async () => {
    const text = await explain('/audit', world.issuer.token({ scope: 'read' }))
    expect(text).toContain('Allowed, for enforce: false alone (scope_missing) GET /audit')
    expect(text).toContain('The token lacks a scope that this route asks for.')
    expect(text).toContain('X-Gateway-Shadow: scope_missing')
    const allowed = await explain('/audit', world.issuer.token({ scope: 'audit' }))
    expect(allowed).toContain('✓ Allowed GET /audit')
    const { body } = await askPage(world.gateway.adminPort)
    expect(body).toContain('<td class="words">audit (not enforced)</td>')
  })
  test('claims are believed, and filled in', async () => {
    const claims = '{"sub":"u","client_id":"c","scope":"list"}'
    const text = await explain('/courses', claims)
    expect(text).toContain('Refused: 403 scope_missing')
    expect(text).toContain('with claims that nobody signed')
    expect(text).toContain('The token has list ; it speaks for a user')
    expect(await explain('/courses', claims.replace('list', 'read'))).toContain('✓ Allowed')
  })
  test('a path that can be read in two ways', async () => {
    expect(await explain('/a/../courses')).toContain('Refused: 400 path_ambiguous')
  })
  test('a path without a route, and a method without one', async () => {
    expect(await explain('/nothing')).toContain('Refused: 404 route_unknown')
    expect(await explain('/courses', '', 'DELETE')).toContain('Refused: 405 method_not_allowed')
  })
  test('the document that the gateway answers with itself', async () => {
    const text = await explain('http://a.no/.well-known/oauth-protected-resource')
    expect(text).toContain('none: the gateway answers this itself')
  })
  test.for([
    ['courses', '', 'GET', 'expected a URL or a path such as /courses, got courses'],
    ['/courses', '{"sub":', 'GET', 'these claims are no JSON object'],
    ['/courses', '', 'GET /x', 'expected a method such as GET'],
  ] as const)(
    'says what is wrong with what was asked: %s %s %s',
    async ([url, token, method, fault]) => {
      const text = await explain(url, token, method)
      expect(text).toContain('✕ This could not be explained')
      expect(text).toContain(fault)
    },
  )

  test('tells no national id, no password and nothing of the token as it was given', async () => {
    const token = world.issuer.token({ [`${CLAIM}nin`]: NIN, scope: 'read' })
    const { body } = await postForm(world.gateway.adminPort, { url: '/courses', token })
    expect(body).toContain('nin:[hidden]')
    expect(body).toContain('X-Nin: [hidden]')
    const encoded = Buffer.from(NIN).toString('base64url')
    const password = Buffer.from('dataporten:pass-word').toString('base64')
    for (const secret of [NIN, encoded, password, 'pass-word', ...token.split('.')]) {
      expect(body).not.toContain(secret)
    }
  })
  test('is kept nowhere, logged nowhere, counted nowhere and sent nowhere', async () => {
    const counted = async () => [
      await count(world.gateway, 'feide_gateway_requests_total'),
      await count(world.gateway, 'feide_gateway_verified_tokens'),
      world.upstream.requests.length,
      world.gateway.logs.filter(({ msg }) => msg === 'request').length,
    ]
    const before = await counted()
    const token = world.issuer.token({ scope: 'read' })
    expect(await explain('/courses', token)).toContain('✓ Allowed')
    expect(await explain('/me')).toContain('token_missing')
    expect(await counted()).toEqual(before)
    const { body } = await askPage(world.gateway.adminPort)
    const all = body + world.gateway.logText + world.gateway.errorText
    for (const secret of [USER_ID, ...token.split('.').slice(1)]) expect(all).not.toContain(secret)
  })
})
