import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import type { HeaderList, RequestParts } from '../support/raw.ts'
import { codeOf, refusal, refusalOf } from '../support/refusal.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({
    dataSources: {
      grades: {
        upstream: { credentials: { basic: { username: 'dataporten', password: 'secret' } } },
        routes: {
          'GET /courses': { scopes: ['read'] },
          'POST /courses': { scopes: ['append'] },
          'ANY /admin/**': { scopes: ['admin'] },
          'GET /listed': { scopes: ['read'] },
          'OPTIONS /listed': { scopes: ['admin'] },
          'GET /health': 'public',
          'GET /me': 'authenticated',
        },
      },
    },
  })
})
afterAll(() => world.stop())

const PREFLIGHT: HeaderList = [
  ['Origin', 'https://app.example'],
  ['Access-Control-Request-Method', 'GET'],
  ['Access-Control-Request-Headers', 'authorization'],
]

const preflight = (target: string, headers: HeaderList = []): RequestParts => ({
  method: 'OPTIONS',
  target,
  headers: [...PREFLIGHT, ...headers],
})

/** Names of the headers by which an upstream knows who is asking. */
function identity(): string[] {
  const headers = world.upstream.requests[0]?.headers ?? []
  const names = headers.map(([name]) => name.toLowerCase()).sort()
  return names.filter(name => /^(x-dataporten-.*|authorization)$/.test(name))
}

describe('a method is decided on by itself', () => {
  it.each([
    ['GET', '/courses', 'read', 200],
    ['HEAD', '/courses', 'read', 200],
    ['POST', '/courses', 'append', 200],
    ['POST', '/courses', 'read', 'scope_missing'],
    ['GET', '/courses', 'append', 'scope_missing'],
    ['PUT', '/admin/x', 'admin', 200],
    ['PUT', '/admin/x', 'read append', 'scope_missing'],
    ['PROPFIND', '/admin', 'admin', 200],
    ['OPTIONS', '/admin', 'admin', 200],
    ['OPTIONS', '/admin', 'read', 'scope_missing'],
    ['OPTIONS', '/courses', 'read append', 'method_not_allowed'],
    ['DELETE', '/courses', 'read append admin', 'method_not_allowed'],
  ])('%s %s with %s', async (method, target, scope, seen) => {
    const answer = await world.ask({ method, target, token: world.issuer.token({ scope }) })
    expect(codeOf(answer)).toBe(seen)
  })

  it('HEAD is refused where GET is, with the same headers and no body', async () => {
    const answer = await world.ask({ method: 'HEAD', target: '/courses' })
    expect(answer.body).toBe('')
    const { problem, ...head } = refusalOf({ ...answer, body: '{}' })
    const { problem: _, ...expected } = refusal('token_missing')
    expect(head).toEqual(expected)
  })
})

describe('a preflight', () => {
  const PASSING: [string, RequestParts][] = [
    ['for a route with scopes', preflight('/courses')],
    ['for a route of another method', { ...preflight('/courses?x=1') }],
    ['under ANY', preflight('/admin/users')],
    ['for a public route', preflight('/health')],
    ['with a good token', preflight('/courses', [['Authorization', 'Bearer good']])],
    ['with rubbish for a token', preflight('/courses', [['Authorization', 'Bearer rubbish']])],
    ['with Basic credentials', preflight('/courses', [['Authorization', 'Basic eDp5']])],
  ]

  it.each(PASSING)('%s goes upstream without identity', async (name, parts) => {
    const good = `Bearer ${world.issuer.token()}`
    const headers = (parts.headers as HeaderList).map(([key, value]): [string, string] => [
      key,
      value === 'Bearer good' ? good : value,
    ])
    expect({ name, ...(await passageOf(world, { ...parts, headers })) }).toEqual({
      name,
      ...PASSED,
    })
    expect(identity()).toEqual(['x-dataporten-gatekeeper'])
  })

  it('is decided on by the OPTIONS route where one is listed', async () => {
    const outcome = await outcomeOf(world, preflight('/listed'))
    expect(outcome).toEqual(refusedWith('token_missing'))
    const token = world.issuer.token({ scope: 'read' })
    expect(codeOf(await world.ask({ ...preflight('/listed'), token }))).toBe('scope_missing')
  })

  it('to a path that no route has is refused', async () => {
    const outcome = await outcomeOf(world, preflight('/nowhere'))
    expect(outcome).toEqual(refusedWith('route_unknown'))
  })

  const NONE: [string, RequestParts][] = [
    ['without Origin', { ...preflight('/admin/x'), headers: PREFLIGHT.slice(1) }],
    ['without the method', { ...preflight('/admin/x'), headers: PREFLIGHT.slice(0, 1) }],
    ['with another method', { ...preflight('/admin/x'), method: 'POST' }],
  ]

  it.each(NONE)('is none %s', async (_name, parts) => {
    const outcome = await outcomeOf(world, parts)
    expect(outcome).toEqual(refusedWith('token_missing'))
  })
})

describe('who the upstream is told it is', () => {
  it.each([
    ['nobody on a public route without token', '/health', false],
    ['the caller on a public route with one', '/health', true],
    ['the caller on an authenticated route', '/me', true],
  ])('%s', async (_name, target, known) => {
    const token = known ? world.issuer.token() : undefined
    expect(await passageOf(world, { target, token })).toEqual(PASSED)
    const full = ['clientid', 'gatekeeper', 'scopes', 'userid', 'userid-sec']
    const names = full.map(name => `x-dataporten-${name}`)
    expect(identity()).toEqual(known ? ['authorization', ...names] : ['x-dataporten-gatekeeper'])
  })
})
