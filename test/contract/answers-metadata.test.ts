import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AUDIENCE } from '../support/issuer.ts'
import type { Answer, RequestParts } from '../support/raw.ts'
import { valuesOf } from '../support/raw.ts'
import { challengeOf, codeOf, refusal, refusalOf } from '../support/refusal.ts'
import { startWorld, type World } from '../support/world.ts'

const PATH = '/.well-known/oauth-protected-resource'
const SECOND = 'https://n.feide.no/datasources/0b2cd36b-57b5-4b33-a3d5-4a1d6e4a5d0f'
const THIRD = 'https://n.feide.no/datasources/9c6c4c8e-3f7f-4a55-8a0e-0a8c5b6d6f10'

let world: World
beforeAll(async () => {
  world = await startWorld({
    trustedProxies: ['127.0.0.0/8'],
    dataSources: {
      grades: {
        audience: [AUDIENCE, SECOND],
        hosts: ['gateway.test'],
        routes: {
          'GET /courses': { scopes: ['read'] },
          'POST /courses': { scopes: ['append', 'read'] },
          'GET /audit': { scopes: { anyOf: ['read', ['audit', 'list']] } },
          'GET /me': 'authenticated',
          'GET /health': 'public',
        },
      },
      exams: {
        audience: THIRD,
        hosts: ['exams.test'],
        upstream: 'http://127.0.0.1:9',
        routes: { 'ANY /**': { scopes: ['exams'] } },
      },
    },
  })
})
afterAll(() => world.stop())

/** The document with its lists sorted, their order being of no meaning. */
function documentOf(answer: Answer): Record<string, unknown> {
  const document: Record<string, unknown> = JSON.parse(answer.body)
  return Object.fromEntries(
    Object.entries(document).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.sort() : value,
    ]),
  )
}

const grades = (resource: string) => ({
  resource,
  authorization_servers: [world.issuer.url],
  scopes_supported: ['append', 'audit', 'list', 'read'],
  bearer_methods_supported: ['header'],
  audiences: [AUDIENCE, SECOND].sort(),
})

describe('the metadata of a protected resource (RFC 9728)', () => {
  it('say what a client needs to ask for a token', async () => {
    const answer = await world.ask({ target: PATH })
    expect({
      status: answer.status,
      type: valuesOf(answer, 'content-type').map(type => type.split(';')[0]),
      ids: valuesOf(answer, 'x-request-id').length,
      document: documentOf(answer),
    }).toEqual({
      status: 200,
      type: ['application/json'],
      ids: 1,
      document: grades('http://gateway.test'),
    })
  })

  it('are those of the host that is asked, even where a route takes every path', async () => {
    const answer = await world.ask({ host: 'exams.test', target: PATH })
    expect(documentOf(answer)).toEqual({
      resource: 'http://exams.test',
      authorization_servers: [world.issuer.url],
      scopes_supported: ['exams'],
      bearer_methods_supported: ['header'],
      audiences: [THIRD],
    })
  })

  it.each(['gateway.test:8080', 'Gateway.TEST'])('name %s as it was sent', async host => {
    const answer = await world.ask({ host, target: PATH })
    expect(documentOf(answer)).toEqual(grades(`http://${host}`))
  })

  it('are under https where a trusted proxy says so', async () => {
    const headers: [string, string][] = [['X-Forwarded-Proto', 'https']]
    const answer = await world.ask({ target: PATH, headers })
    expect(documentOf(answer)).toEqual(grades('https://gateway.test'))
    const refused = await world.ask({ target: '/courses', headers })
    expect(challengeOf(refused)?.resource_metadata).toBe(`https://gateway.test${PATH}`)
  })

  it('are where the challenge says', async () => {
    const refused = await world.ask({ target: '/courses' })
    const url = new URL(challengeOf(refused)?.resource_metadata ?? '')
    const answer = await world.ask({ host: url.host, target: url.pathname })
    expect(documentOf(answer)).toEqual(grades('http://gateway.test'))
  })

  it.each([
    ['without a token', {}],
    ['with a bad token', { token: 'rubbish' }],
    ['with a query', { target: `${PATH}?x=1` }],
  ] as [string, RequestParts][])(
    'are given %s, and nothing goes upstream',
    async (_name, parts) => {
      world.upstream.reset()
      const answer = await world.ask({ target: PATH, ...parts })
      expect({ status: answer.status, received: world.upstream.received }).toEqual({
        status: 200,
        received: '',
      })
    },
  )

  it('HEAD gives the same headers and no body', async () => {
    const drop = (answer: Answer) =>
      answer.headers.filter(([name]) => !/^(date|x-request-id)$/i.test(name))
    const head = await world.ask({ method: 'HEAD', target: PATH })
    const get = await world.ask({ target: PATH })
    expect({ status: head.status, body: head.body, headers: drop(head) }).toEqual({
      status: 200,
      body: '',
      headers: drop(get),
    })
  })

  it('are read only', async () => {
    const answer = await world.ask({ method: 'DELETE', target: PATH })
    expect(refusalOf(answer)).toEqual(refusal('method_not_allowed', { allow: 'GET, HEAD' }))
  })

  it('are not told of a host that nobody serves', async () => {
    const answer = await world.ask({ host: 'other.test', target: PATH })
    expect(refusalOf(answer)).toEqual(refusal('host_unknown'))
  })

  it('are not at a path that only looks like it', async () => {
    const answer = await world.ask({ target: `${PATH}/` })
    expect(codeOf(answer)).toBe('route_unknown')
  })
})
