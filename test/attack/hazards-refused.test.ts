import { describe, expect, test } from 'vitest'
import { chunked, type HeaderList, type RequestParts, request, send } from '../support/raw.ts'
import { type Attack, DELIVERIES, expected, INNER, play } from './hazards-play.ts'
import { hazardStage } from './hazards-stage.ts'

/** Refused requests among those of others: their bodies are read to the end, and are nobody's request. */

const on = hazardStage()
const CHUNKED: HeaderList = [['Transfer-Encoding', 'chunked']]
const LENGTH: HeaderList = [['Content-Length', String(INNER.length)]]
const WEBSOCKET: HeaderList = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
]
const PREFLIGHT: HeaderList = [
  ['Origin', 'https://app.test'],
  ['Access-Control-Request-Method', 'GET'],
]
const bearing = (token: () => string, more: RequestParts) => () => ({ ...more, token: token() })
const named = (name: string) => () => on.issuer.token({ name })

const REFUSED: [string, string, () => RequestParts][] = [
  ['no token', '401 token_missing', () => ({ target: '/me' })],
  ['a token that is none', '401 token_malformed', () => ({ target: '/me', token: 'a.b.c' })],
  [
    'a forged token on a public route',
    '401 token_algorithm',
    bearing(() => on.issuer.token({}, { header: { alg: 'none' } }), { target: '/open/a' }),
  ],
  [
    'no scope',
    '403 scope_missing',
    bearing(() => on.token('mallory'), { method: 'GET', target: '/admin' }),
  ],
  ['no route', '404 route_unknown', () => ({ target: '/nothing' })],
  ['another method', '405 method_not_allowed', () => ({ target: '/admin' })],
  ['TRACE', '405 method_not_allowed', () => ({ method: 'TRACE', target: '/open/a' })],
  ['dots', '400 path_ambiguous', () => ({ target: '/open/%2e%2e/admin' })],
  ['a backslash', '400 path_ambiguous', () => ({ target: '/open\\..\\admin' })],
  ['a fragment', '400 path_ambiguous', () => ({ target: '/open/a#/../admin' })],
  ['a bracket behind a backslash', '400 path_ambiguous', () => ({ target: '/\\[' })],
  ['a whole URL', '400 path_ambiguous', () => ({ target: 'http://gateway.test/open/a' })],
  [
    'a preflight of no route',
    '404 route_unknown',
    () => ({ method: 'OPTIONS', target: '/nothing', headers: PREFLIGHT }),
  ],
  [
    'a letter beyond ASCII',
    '502 claim_unrepresentable',
    bearing(named('Bjørn'), { target: '/me' }),
  ],
  [
    'a letter beyond latin1',
    '502 claim_unrepresentable',
    bearing(named('Łukasz'), { target: '/me' }),
  ],
  [
    'a line break in a claim',
    '502 claim_unrepresentable',
    bearing(named('a\r\nX-Dataporten-Userid: b'), { target: '/open/a' }),
  ],
  ['a NUL in a claim', '502 claim_unrepresentable', bearing(named('a\0'), { target: '/me' })],
  [
    '1,000 fields',
    '431 headers_too_many',
    () => ({ target: '/open/a', headers: fields(1000, 'X-Dataporten-Userid') }),
  ],
  [
    '1,000 Connections',
    '431 headers_too_many',
    () => ({ target: '/me', headers: fields(1000, 'Connection'), token: on.token('mallory') }),
  ],
  [
    'a large field',
    '431 headers_too_large',
    () => ({ target: '/open/a', headers: [['X-Large', 'v'.repeat(33_000)]] }),
  ],
  ['a long target', '414 target_too_long', () => ({ target: '/open/'.padEnd(17_000, 'a') })],
]
/** The framing comes last, behind all that might hide it. */
const BODIES: [string, HeaderList, string | Buffer][] = [
  ['a length', LENGTH, INNER],
  ['chunks', CHUNKED, chunked(INNER)],
]

function fields(count: number, name: string): HeaderList {
  return Array.from({ length: count }, () => [name, 'forged'])
}

describe.each(REFUSED)('a request refused for %s (%s)', (_, answer, parts) => {
  describe.each(BODIES)('with a body in %s', (_framing, framing, body) => {
    test.each(DELIVERIES)('%s', async delivery => {
      const { headers = [], ...given } = parts()
      const all: HeaderList = [...(headers as HeaderList), ...framing]
      const bytes = request({ method: 'POST', ...given, headers: all, body })
      const row: Attack = { bytes, answers: [answer], sent: [] }
      expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
    })
  })
})

const LAST: [string, string, () => RequestParts][] = [
  [
    'a refused Expect',
    '401 token_missing',
    () => ({ method: 'POST', target: '/me', headers: [['Expect', '100-continue'], ...LENGTH] }),
  ],
  ['a refused upgrade', '401 token_missing', () => ({ target: '/me', headers: WEBSOCKET })],
  [
    'an upgrade to h2c',
    '401 token_missing',
    () => ({ target: '/me', headers: [['Connection', 'Upgrade'], ['Upgrade', 'h2c'], ...LENGTH] }),
  ],
  ['a CONNECT', '405 method_not_allowed', () => ({ method: 'CONNECT', target: 'gateway.test:80' })],
  [
    'two tokens',
    '400 request_malformed',
    () => ({
      method: 'POST',
      target: '/me',
      headers: [['Authorization', `Bearer ${on.token('mallory')}`], ...LENGTH],
      token: on.token('bo'),
    }),
  ],
  [
    'a coding on HTTP/1.0',
    '400 request_malformed',
    () => ({
      method: 'POST',
      target: '/open/a',
      version: 'HTTP/1.0',
      headers: CHUNKED,
      body: chunked(INNER),
    }),
  ],
]

describe.each(LAST)('%s is answered (%s), and the last of its connection', (_, answer, parts) => {
  test.each(DELIVERIES)('%s', async delivery => {
    const bytes = request({ body: INNER, ...parts() })
    const row: Attack = { bytes, answers: [answer], sent: [], ends: 'by closing' }
    expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
  })
})

describe('an answer to HEAD has no body, and the next one is itself', () => {
  const HEADS: [string, string, () => RequestParts][] = [
    ['of an upstream', '200 HEAD /open/a as nobody', () => ({ target: '/open/a' })],
    [
      'with a token',
      '200 HEAD /me as mallory',
      () => ({ target: '/me', token: on.token('mallory') }),
    ],
    ['of the metadata', '200', () => ({ target: '/.well-known/oauth-protected-resource' })],
    ['without a token', '401', () => ({ target: '/me' })],
    ['without a route', '404', () => ({ target: '/nothing' })],
    ['of a path in doubt', '400', () => ({ target: '/open/../admin' })],
    ['of too many fields', '431', () => ({ target: '/open/a', headers: fields(1000, 'X-A') })],
  ]
  describe.each(HEADS)('%s', (_, answer, parts) => {
    test.each(DELIVERIES)('%s', async delivery => {
      const given = parts()
      const [, line, as] = /^200 (.+) as (\w+)$/.exec(answer) ?? []
      const sent =
        line === undefined ? [] : [{ line, as: as === 'mallory' ? as : 'nobody' } as const]
      const bytes = request({ ...given, method: 'HEAD' })
      const row: Attack = { bytes, answers: [answer], sent, methods: ['HEAD'] }
      expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
    })
  })

  test.each(['/healthz', '/readyz', '/metrics', '/status', '/nothing'])(
    'of the admin server: %s',
    async target => {
      const pipelined = ['HEAD', 'GET', 'HEAD', 'GET'].map(method =>
        request({ method, target, host: 'localhost' }),
      )
      const answers = await send(on.gateway.adminPort, Buffer.concat(pipelined), { answers: 4 })
      expect(answers.map(({ body, complete }) => [body !== '', complete])).toEqual([
        [false, true],
        [true, true],
        [false, true],
        [true, true],
      ])
    },
  )
})
