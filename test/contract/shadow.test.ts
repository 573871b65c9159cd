import { describe, expect, test } from 'vitest'
import type { LogLine } from '../support/gateway.ts'
import { AUDIENCE, CLIENT_ID, rsaKey } from '../support/issuer.ts'
import { type HeaderList, type RequestParts, request, send, valuesOf } from '../support/raw.ts'
import { headerOf, reply, type UpstreamRequest } from '../support/upstream.ts'
import { folded, identityOf, refused, stage } from './stage.ts'

const OTHER_CLIENT = 'c2bf0a46-6c8b-4a3c-9d4e-3f1d7b1c5a11'

/** Its own word on one route, that of the data source on the others; `strict` enforces but on one. */
const on = stage(({ url }) => ({
  dataSources: {
    grades: {
      hosts: ['loose'],
      enforce: false,
      headers: { allow: ['x_gateway_shadow', 'X.Gateway.Shadow'] },
      maxBody: '1KiB',
      routes: {
        'GET /courses': { scopes: ['read'] },
        'POST /courses': { scopes: ['append'], principal: 'user' },
        'GET /nightly': { scopes: ['read'], principal: 'system' },
        'GET /closed': { scopes: ['admin'], enforce: true },
        'GET /listed': { scopes: ['admin'], clients: [OTHER_CLIENT] },
        'GET /me': 'authenticated',
        'GET /health': 'public',
      },
    },
    strict: {
      audience: AUDIENCE,
      hosts: ['strict'],
      upstream: { url },
      routes: {
        'GET /courses': { scopes: ['admin'] },
        'GET /open': { scopes: ['admin'], principal: 'system', enforce: false },
        'GET /health': 'public',
      },
    },
    gone: {
      audience: AUDIENCE,
      hosts: ['gone'],
      upstream: 'http://127.0.0.1:1',
      routes: { 'GET /open': { scopes: ['admin'], enforce: false } },
    },
  },
}))

const shadowOf = (seen: UpstreamRequest) =>
  seen.headers.filter(([name]) => folded(name) === 'x-gateway-shadow')
const marked = (code: string): HeaderList => [['X-Gateway-Shadow', code]]

const loose = (target: string, more: Partial<RequestParts> = {}): RequestParts => ({
  host: 'loose',
  target,
  ...more,
})
const strict = (target: string, more: Partial<RequestParts> = {}): RequestParts => ({
  ...loose(target, more),
  host: 'strict',
})

describe('with enforce: false', () => {
  test.each([
    ['a user without the scope', loose('/courses'), () => ({ scope: 'other' }), 'scope_missing'],
    ['a token without any scope', loose('/courses'), () => ({ scope: '' }), 'scope_missing'],
    [
      'a system where a user is asked for',
      loose('/courses', { method: 'POST', headers: [['Content-Length', '0']] }),
      () => ({ sub: CLIENT_ID, scope: 'append' }),
      'user_required',
    ],
    ['a user where a system is asked for', loose('/nightly'), () => ({}), 'system_required'],
    [
      'who lacks the scope and is another principal, for the scope',
      loose('/nightly'),
      () => ({ scope: 'x' }),
      'scope_missing',
    ],
    [
      'on a route whose data source enforces',
      strict('/open'),
      () => ({ sub: CLIENT_ID, scope: 'read' }),
      'scope_missing',
    ],
    [
      'a client that is listed',
      loose('/listed'),
      () => ({ client_id: OTHER_CLIENT }),
      'scope_missing',
    ],
  ])('%s goes through, marked, as who it is', async (_, parts, claims, code) => {
    const seen = await on.passed({ ...parts, token: on.issuer.token(claims()) })
    const { sub, client_id, scope } = on.issuer.claims(claims())
    const scopes = String(scope).split(' ').sort().join(',')
    expect(shadowOf(seen)).toEqual(marked(code))
    expect(identityOf(seen).filter(([name]) => !name.endsWith('-sec'))).toEqual([
      ['X-Dataporten-clientid', client_id],
      ['X-Dataporten-gatekeeper', parts.host === 'loose' ? 'grades' : 'strict'],
      ...(scopes === '' ? [] : [['X-Dataporten-scopes', scopes]]),
      ...(sub === client_id ? [] : [['X-Dataporten-userid', sub]]),
    ])
  })

  test.each([
    ['a token that has all that is asked for', () => loose('/courses')],
    ['any token where any will do', () => loose('/me')],
    ['a token on a public route', () => loose('/health')],
  ])('%s is not marked', async (_, parts) => {
    const seen = await on.passed({ ...parts(), token: on.issuer.token() })
    expect(shadowOf(seen)).toEqual([])
  })

  test('a token that was marked on one route is not marked on the next one', async () => {
    const token = on.issuer.token({ scope: 'append', jti: 'both' })
    const write = loose('/courses', { method: 'POST', headers: [['Content-Length', '0']], token })
    const marks = []
    for (const parts of [write, loose('/courses', { token }), write]) {
      marks.push(shadowOf(await on.passed(parts)))
    }
    expect(marks).toEqual([[], marked('scope_missing'), []])
  })

  const now = () => Math.floor(Date.now() / 1000)
  const stranger = rsaKey('stranger').privateKey
  const BAD: [string, () => string | undefined, string][] = [
    ['no token', () => undefined, 'token_missing'],
    ['an opaque token', () => '76a7a061-3c55-430d-8ee0-6f82ec42501f', 'token_opaque'],
    ['a damaged token', () => on.issuer.token().slice(0, -30), 'token_signature'],
    ['no JWT', () => 'a.b.c', 'token_malformed'],
    ['a forged token', () => on.issuer.token({}, { key: stranger }), 'token_signature'],
    [
      'an expired token',
      () => on.issuer.token({ iat: now() - 600, nbf: now() - 600, exp: now() - 300 }),
      'token_expired',
    ],
    [
      'a token of the future',
      () => on.issuer.token({ iat: now() + 600, nbf: now() + 600, exp: now() + 900 }),
      'token_not_yet_valid',
    ],
    ['a token for another API', () => on.issuer.token({ aud: 'https://a.no' }), 'token_audience'],
    ['a token from elsewhere', () => on.issuer.token({ iss: 'https://a.no' }), 'token_issuer'],
    ['a token that lives too long', () => on.issuer.token({ exp: now() + 7200 }), 'token_lifetime'],
    ['a token without client', () => on.issuer.token({ client_id: undefined }), 'token_claims'],
    [
      'an unsigned token',
      () => on.issuer.token({}, { header: { alg: 'none' } }),
      'token_algorithm',
    ],
  ]
  test.each(BAD)('%s is refused, by word of the data source', async (_, token, code) => {
    const outcome = await on.outcome(loose('/courses', { token: token() }))
    expect(outcome).toEqual(refused(401, code))
  })
  test.each(BAD)('%s is refused, by word of the route', async (_, token, code) => {
    const outcome = await on.outcome(strict('/open', { token: token() }))
    expect(outcome).toEqual(refused(401, code))
  })

  test.each([
    ['a client that is not listed', loose('/listed'), 403, 'client_not_allowed'],
    ['a route that enforces all the same', loose('/closed'), 403, 'scope_missing'],
    ['a route of a data source that enforces', strict('/courses'), 403, 'scope_missing'],
    ['a path without route', loose('/nowhere'), 404, 'route_unknown'],
    ['a method without route', loose('/closed', { method: 'PUT' }), 405, 'method_not_allowed'],
    ['an ambiguous path', loose('/courses/../me'), 400, 'path_ambiguous'],
    [
      'a body that is too large',
      loose('/courses', { method: 'POST', headers: [['Content-Length', '2000']] }),
      413,
      'body_too_large',
    ],
  ])('%s is as closed as ever', async (_, parts, status, code) => {
    const token = on.issuer.token({ scope: 'x' })
    expect(await on.outcome({ ...parts, token })).toEqual(refused(status, code))
  })

  test('a WebSocket is marked as well', async () => {
    on.upstream.answer = () =>
      reply({
        status: 101,
        reason: 'Switching Protocols',
        bare: true,
        headers: { Connection: 'Upgrade', Upgrade: 'websocket' },
      })
    const headers: HeaderList = [
      ['Connection', 'Upgrade, X-Gateway-Shadow'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
      ['X-Gateway-Shadow', 'forged'],
    ]
    const token = on.issuer.token({ scope: 'x' })
    const { answer, seen } = await on.exchange(loose('/courses', { headers, token }))
    expect([answer.status, ...seen.map(shadowOf)]).toEqual([101, marked('scope_missing')])
  })
})

describe('X-Gateway-Shadow is never taken from a caller', () => {
  const SPELLINGS = [
    ...['X-Gateway-Shadow', 'x-gateway-shadow', 'X-GATEWAY-SHADOW', 'X_Gateway_Shadow'],
    ...['x_gateway_shadow', 'X.Gateway.Shadow', 'X-Gateway_Shadow', 'X~Gateway-Shadow'],
  ]
  const forged: HeaderList = SPELLINGS.map(name => [name, 'forged'])
  const asked: [string, () => RequestParts][] = [
    ['where nothing is enforced', () => loose('/courses', { token: on.issuer.token() })],
    ['where all is enforced', () => strict('/health', { token: on.issuer.token() })],
    ['on a public route', () => strict('/health')],
    ['on a public route where nothing is enforced', () => loose('/health')],
    [
      'with a preflight',
      () =>
        loose('/courses', {
          method: 'OPTIONS',
          headers: [
            ['Origin', 'https://a.no'],
            ['Access-Control-Request-Method', 'GET'],
          ],
        }),
    ],
  ]
  test.each(asked)('%s', async (_, parts) => {
    const given = parts()
    const headers = [...forged, ...((given.headers ?? []) as HeaderList)]
    expect(shadowOf(await on.passed({ ...given, headers }))).toEqual([])
  })
  test('beside the gateway’s own, which no Connection takes away', async () => {
    const headers: HeaderList = [['Connection', 'X-Gateway-Shadow'], ...forged]
    const token = on.issuer.token({ scope: 'x' })
    const seen = await on.passed(loose('/courses', { headers, token }))
    expect(shadowOf(seen)).toEqual(marked('scope_missing'))
  })
  test('in trailers', async () => {
    const parts = loose('/courses', { method: 'POST', token: on.issuer.token() })
    const headers: HeaderList = [
      ['Transfer-Encoding', 'chunked'],
      ['Trailer', 'X-Gateway-Shadow'],
    ]
    const body = '2\r\nok\r\n0\r\nX-Gateway-Shadow: forged\r\n\r\n'
    const seen = await on.passed({
      ...parts,
      token: on.issuer.token({ scope: 'append' }),
      headers,
      body,
    })
    expect([shadowOf(seen), seen.trailers]).toEqual([[], ''])
  })
})

describe('what is written down', () => {
  const lineOf = async (parts: RequestParts): Promise<LogLine> => {
    const [answer] = await send(on.gateway.port, request(parts), { settle: 0 })
    const [requestId] = answer ? valuesOf(answer, 'x-request-id') : []
    return on.gateway.waitForLog(line => line.msg === 'request' && line.requestId === requestId)
  }
  const told = ({ decision, code, shadow, status, clientId, principal }: LogLine) => ({
    ...{ decision, code, shadow, status, clientId, principal },
  })
  const WHO = { clientId: CLIENT_ID, principal: 'user' }

  test('a request that was let through is allowed, with what it would have been refused for', async () => {
    const line = await lineOf(loose('/courses', { token: on.issuer.token({ scope: 'x' }) }))
    expect(told(line)).toEqual({
      ...{ decision: 'allow', code: undefined, shadow: 'scope_missing', status: 200, ...WHO },
    })
  })
  test('any other request has no word on it', async () => {
    const line = await lineOf(loose('/courses', { token: on.issuer.token() }))
    expect('shadow' in line).toBe(false)
    const denied = await lineOf(strict('/courses', { token: on.issuer.token() }))
    expect('shadow' in denied).toBe(false)
  })
  test('one whose API is away has both', async () => {
    const parts = { host: 'gone', target: '/open', token: on.issuer.token({ scope: 'x' }) }
    expect(told(await lineOf(parts))).toEqual({
      decision: 'deny',
      code: 'upstream_unavailable',
      shadow: 'scope_missing',
      status: 502,
      ...WHO,
    })
  })
  test('a counter tells data source, route and code, and counts nothing else', async () => {
    const counts = async () => {
      const text = await (await on.gateway.admin('/metrics')).text()
      const lines = text.split('\n').filter(line => line.startsWith(`${NAME}{`))
      return new Map(lines.map(line => [line.split(' ')[0], Number(line.split(' ')[1])]))
    }
    const NAME = 'feide_gateway_shadowed_requests_total'
    const before = await counts()
    const lacking = () => on.issuer.token({ scope: 'x' })
    await lineOf(loose('/courses', { token: lacking() }))
    await lineOf(loose('/courses', { token: lacking() }))
    await lineOf(loose('/nightly', { token: on.issuer.token() }))
    await lineOf(loose('/courses', { token: on.issuer.token() }))
    await lineOf(strict('/courses', { token: lacking() }))
    const after = await counts()
    const grown = [...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)])
    const of = (route: string, code: string) =>
      `${NAME}{data_source="grades",route="${route}",code="${code}"}`
    expect(Object.fromEntries(grown.filter(([, by]) => by !== 0))).toEqual({
      [of('/courses', 'scope_missing')]: 2,
      [of('/nightly', 'system_required')]: 1,
    })
  })
})

test('headers of the answer are left alone', async () => {
  on.upstream.answer = () => reply({ headers: { 'X-Gateway-Shadow': 'theirs' } })
  const { answer, seen } = await on.exchange(loose('/health'))
  expect(valuesOf(answer, 'x-gateway-shadow')).toEqual(['theirs'])
  expect(seen.flatMap(one => headerOf(one, 'x-gateway-shadow'))).toEqual([])
})
