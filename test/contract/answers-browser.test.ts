import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, type HeaderList, type RequestParts, valuesOf } from '../support/raw.ts'
import { codeOf } from '../support/refusal.ts'
import { reply } from '../support/upstream.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({
    dataSources: {
      grades: {
        hosts: ['gateway.test'],
        maxBody: '1KiB',
        routes: {
          'GET /courses': { scopes: ['read'] },
          'POST /health': 'public',
          'GET /health': 'public',
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

const ORIGIN: [string, string] = ['Origin', 'https://app.example']

/** The CORS headers of an answer, names in lower case. */
function cors(answer: Answer): HeaderList {
  const headers = answer.headers.map(([name, value]): [string, string] => [
    name.toLowerCase(),
    value,
  ])
  return headers.filter(([name]) => name.startsWith('access-control-')).sort()
}

const READABLE: HeaderList = [
  ['access-control-allow-origin', '*'],
  ['access-control-expose-headers', 'WWW-Authenticate, Retry-After, X-Request-Id'],
]

const REFUSED: [string, RequestParts][] = [
  ['token_missing', { target: '/courses' }],
  ['token_malformed', { target: '/courses', token: 'rubbish' }],
  ['route_unknown', { target: '/nowhere' }],
  ['method_not_allowed', { method: 'DELETE', target: '/courses' }],
  ['path_ambiguous', { target: '/a/../courses' }],
  ['host_unknown', { host: 'other.test', target: '/courses' }],
  ['upstream_unavailable', { host: 'dead.test', target: '/' }],
  ['target_too_long', { target: '/health?'.padEnd(17 * 1024, 'x') }],
  [
    'headers_too_many',
    {
      target: '/health',
      headers: Array.from({ length: 100 }, (_, index): [string, string] => [`X-${index}`, 'x']),
    },
  ],
  ['headers_too_large', { target: '/health', headers: [['X-Long', 'x'.repeat(33 * 1024)]] }],
  ['request_malformed', { target: '/health', headers: [['Host', 'a b']] }],
  [
    'body_too_large',
    {
      method: 'POST',
      target: '/health',
      headers: [['Content-Length', '1025']],
      body: 'x'.repeat(1025),
    },
  ],
]

describe('a browser application can read why it was refused', () => {
  it.each(REFUSED)('%s', async (code, parts) => {
    const headers = [...((parts.headers as HeaderList | undefined) ?? []), ORIGIN]
    const answer = await world.ask({ ...parts, headers })
    expect({ code: codeOf(answer), cors: cors(answer) }).toEqual({ code, cors: READABLE })
  })

  it('scope_missing', async () => {
    const token = world.issuer.token({ scope: 'append' })
    const answer = await world.ask({ target: '/courses', headers: [ORIGIN], token })
    expect({ code: codeOf(answer), cors: cors(answer) }).toEqual({
      code: 'scope_missing',
      cors: READABLE,
    })
  })

  it.each(REFUSED)('%s without Origin has no CORS headers', async (code, parts) => {
    const answer = await world.ask(parts)
    expect({ code: codeOf(answer), cors: cors(answer) }).toEqual({ code, cors: [] })
  })
})

describe('answers of the upstream', () => {
  const OWN: HeaderList = [
    ['Access-Control-Allow-Credentials', 'true'],
    ['Access-Control-Allow-Origin', 'https://app.example'],
    ['Access-Control-Expose-Headers', 'X-Own'],
  ]

  it.each([200, 401, 403, 500])('with status %i keep its own CORS headers', async status => {
    world.upstream.reset()
    world.upstream.answer = () => reply({ status, headers: OWN })
    const answer = await world.ask({ target: '/health', headers: [ORIGIN] })
    const expected = OWN.map(([name, value]) => [name.toLowerCase(), value])
    expect({ status: answer.status, cors: cors(answer) }).toEqual({ status, cors: expected })
  })

  it('get none where it sends none', async () => {
    world.upstream.reset()
    const answer = await world.ask({ target: '/health', headers: [ORIGIN] })
    expect({ status: answer.status, cors: cors(answer) }).toEqual({ status: 200, cors: [] })
  })

  it('keep its own challenge, and get none of ours', async () => {
    world.upstream.reset()
    const headers: HeaderList = [['WWW-Authenticate', 'Basic realm="legacy"']]
    world.upstream.answer = () => reply({ status: 401, reason: 'Unauthorized', headers })
    const answer = await world.ask({ target: '/health' })
    expect(valuesOf(answer, 'www-authenticate')).toEqual(['Basic realm="legacy"'])
  })
})
