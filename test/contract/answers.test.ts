import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Issuer } from '../support/issuer.ts'
import { outcomeOf, refusedWith } from '../support/outcome.ts'
import type { RequestParts } from '../support/raw.ts'
import { type Code, type Expected, refusal, refusalOf } from '../support/refusal.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({
    dataSources: {
      grades: {
        hosts: ['gateway.test'],
        maxBody: '1KiB',
        headers: { inject: { 'X-Names': { claim: 'names' } } },
        routes: {
          'GET /courses': { scopes: ['read'] },
          'POST /courses': { scopes: ['append'] },
          'GET /admin': { scopes: ['read'], clients: ['someone-else'] },
          'GET /user': { scopes: ['read'], principal: 'user' },
          'GET /system': { scopes: ['read'], principal: 'system' },
          'GET /health': 'public',
          'POST /health': 'public',
        },
      },
      dead: {
        audience: 'https://n.feide.no/datasources/0b2cd36b-57b5-4b33-a3d5-4a1d6e4a5d0f',
        hosts: ['dead.test'],
        upstream: 'http://127.0.0.1:9',
        routes: { 'GET /': 'public' },
      },
    },
  })
})
afterAll(() => world.stop())

type Row = {
  readonly name: string
  readonly code: Code
  readonly parts: (issuer: Issuer) => RequestParts
  readonly expected?: Expected
}

const withToken =
  (target: string, token: (issuer: Issuer) => string): Row['parts'] =>
  issuer => ({ target, token: token(issuer) })

const ROWS: Row[] = [
  {
    name: 'a host of no data source',
    code: 'host_unknown',
    parts: () => ({ host: 'other.test', target: '/courses' }),
  },
  { name: 'a path of no route', code: 'route_unknown', parts: () => ({ target: '/nowhere' }) },
  {
    name: 'a method of no route',
    code: 'method_not_allowed',
    parts: () => ({ method: 'DELETE', target: '/courses' }),
    expected: { allow: 'GET, HEAD, POST' },
  },
  {
    name: 'TRACE, though the path takes any method',
    code: 'method_not_allowed',
    parts: () => ({ method: 'TRACE', target: '/health' }),
    expected: { allow: 'GET, HEAD, POST' },
  },
  {
    name: 'a path with two readings',
    code: 'path_ambiguous',
    parts: () => ({ target: '//courses' }),
  },
  {
    name: 'two Authorization headers',
    code: 'request_malformed',
    parts: () => ({ target: '/courses', headers: [['Authorization', 'Basic eDp5']], token: 'x' }),
  },
  { name: 'no token', code: 'token_missing', parts: () => ({ target: '/courses' }) },
  {
    name: 'an opaque token',
    code: 'token_opaque',
    parts: withToken('/courses', () => 'a3ef17b9-0f39-4dd1-8a53-a6ac1f7e2f28'),
  },
  { name: 'rubbish', code: 'token_malformed', parts: withToken('/courses', () => 'rubbish') },
  {
    name: 'another algorithm',
    code: 'token_algorithm',
    parts: withToken('/courses', issuer => issuer.token({}, { header: { alg: 'none' } })),
  },
  {
    name: 'an expired token',
    code: 'token_expired',
    parts: withToken('/courses', issuer => issuer.token({ exp: 1 })),
  },
  {
    name: 'a token of tomorrow',
    code: 'token_not_yet_valid',
    parts: withToken('/courses', issuer => issuer.token({ nbf: 1e11 })),
  },
  {
    name: 'a token for a year',
    code: 'token_lifetime',
    parts: withToken('/courses', issuer => issuer.token({ exp: Date.now() / 1000 + 31_536_000 })),
  },
  {
    name: 'a token of another issuer',
    code: 'token_issuer',
    parts: withToken('/courses', issuer => issuer.token({ iss: 'https://evil.example' })),
  },
  {
    name: 'a token for another data source',
    code: 'token_audience',
    parts: withToken('/courses', issuer => issuer.token({ aud: 'https://other.example' })),
  },
  {
    name: 'a token without sub',
    code: 'token_claims',
    parts: withToken('/courses', issuer => issuer.token({ sub: undefined })),
  },
  {
    name: 'a token under an unknown key',
    code: 'token_key_unknown',
    parts: withToken('/courses', issuer => issuer.token({}, { header: { kid: 'other' } })),
  },
  {
    name: 'a token with a broken signature',
    code: 'token_signature',
    parts: withToken('/courses', issuer => issuer.token().replace(/[^.]{6}$/, 'AAAAAA')),
  },
  {
    name: 'a token without the scope',
    code: 'scope_missing',
    parts: withToken('/courses', issuer => issuer.token({ scope: 'append' })),
    expected: { scope: 'read' },
  },
  {
    name: 'a system where a user is asked for',
    code: 'user_required',
    parts: withToken('/user', issuer => issuer.systemToken()),
  },
  {
    name: 'a user where a system is asked for',
    code: 'system_required',
    parts: withToken('/system', issuer => issuer.token()),
  },
  {
    name: 'a client that is not listed',
    code: 'client_not_allowed',
    parts: withToken('/admin', issuer => issuer.token()),
  },
  {
    name: 'a claim that no header can carry',
    code: 'claim_unrepresentable',
    parts: withToken('/courses', issuer => issuer.token({ names: 'Bjørnar' })),
  },
  {
    name: 'a scope that no header can carry',
    code: 'claim_unrepresentable',
    parts: withToken('/courses', issuer => issuer.token({ scope: 'read mar,ker' })),
  },
  {
    name: 'an upstream that is away',
    code: 'upstream_unavailable',
    parts: () => ({ host: 'dead.test', target: '/' }),
  },
  {
    name: 'a body that is declared too large',
    code: 'body_too_large',
    parts: () => ({
      method: 'POST',
      target: '/health',
      headers: [['Content-Length', '1025']],
      body: 'x'.repeat(1025),
    }),
  },
]

describe('every refusal looks alike, and the upstream hears nothing of it', () => {
  it.each(ROWS)('$code for $name', async ({ code, parts, expected = {} }) => {
    const outcome = await outcomeOf(world, parts(world.issuer))
    expect(outcome).toEqual(refusedWith(code, expected))
  })

  it('the realm is the data source, the metadata are those of the host as it was sent', async () => {
    const answer = await world.ask({ host: 'GATEWAY.test:8080', target: '/courses' })
    expect(refusalOf(answer)).toEqual(refusal('token_missing', { host: 'GATEWAY.test:8080' }))
  })
})
