import { describe, expect, test } from 'vitest'
import { type HeaderList, request, send, valuesOf } from '../support/raw.ts'
import { headerOf, reply } from '../support/upstream.ts'
import { identityOf, refused, stage } from './stage.ts'

const on = stage({
  dataSources: {
    grades: {
      routes: {
        'GET /courses': { scopes: ['read'] },
        'POST /courses': { scopes: ['append'] },
        'GET /health': 'public',
        'POST /only-post': 'public',
      },
    },
  },
})

const upgrade = (protocol: string, more: HeaderList = []): HeaderList => [
  ['Connection', 'Upgrade, HTTP2-Settings'],
  ['Upgrade', protocol],
  ['HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
  ...more,
]
const WEBSOCKET: HeaderList = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
]
const OTHERS = ['h2c', 'H2C', 'TLS/1.0', 'foo', 'h2c, foo', 'websocketx', 'IRC/6.9']

describe('an upgrade to anything but WebSocket', () => {
  test.each(OTHERS)('to %s is dropped and the request handled as a plain one', async protocol => {
    const { answer, seen } = await on.exchange({ target: '/health', headers: upgrade(protocol) })
    const [first] = seen
    expect({
      status: answer.status,
      count: seen.length,
      upgrade: first && headerOf(first, 'upgrade'),
      settings: first && headerOf(first, 'http2-settings'),
      connection: first && headerOf(first, 'connection').filter(v => /upgrade|settings/i.test(v)),
    }).toEqual({ status: 200, count: 1, upgrade: [], settings: [], connection: [] })
  })

  test.each(OTHERS)('to %s does not open a guarded route', async protocol => {
    const parts = { target: '/courses', headers: upgrade(protocol) }
    expect(await on.outcome(parts)).toEqual(refused(401, 'token_missing'))
  })

  test('keeps its body', async () => {
    const headers = upgrade('h2c', [['Content-Length', '5']])
    const seen = await on.passed({ method: 'POST', target: '/only-post', headers, body: 'hello' })
    expect(seen.body.toString()).toBe('hello')
  })

  test.each([
    ['at once', 0],
    ['later', 100],
  ])('leaves nobody waiting who sends the next request %s', async (_, pause) => {
    const first = request({ target: '/health', headers: upgrade('h2c') })
    const next = request({ target: '/health' })
    const pieces = pause === 0 ? [Buffer.concat([first, next])] : [first, next]
    const answers = await send(on.gateway.port, pieces, { answers: 2, pause })
    expect(answers.length === 2 || answers.at(-1)?.closed).toBe(true)
  })

  test('without Connection: Upgrade is dropped as well', async () => {
    const seen = await on.passed({ target: '/health', headers: [['Upgrade', 'h2c']] })
    expect(headerOf(seen, 'upgrade')).toEqual([])
  })
})

describe('an upgrade to WebSocket', () => {
  const accept = () =>
    reply({
      status: 101,
      reason: 'Switching Protocols',
      bare: true,
      headers: { Connection: 'Upgrade', Upgrade: 'websocket' },
    })

  test('is a GET as far as the gate goes, with the identity of its token', async () => {
    on.upstream.answer = accept
    const token = on.issuer.token({ scope: 'read' })
    const { answer, seen } = await on.exchange({ target: '/courses', headers: WEBSOCKET, token })
    expect({
      status: answer.status,
      sent: seen.map(({ method, target }) => `${method} ${target}`),
      upgrade: seen.flatMap(request => headerOf(request, 'upgrade')),
      user: seen.flatMap(request => headerOf(request, 'x-dataporten-userid')),
      authorization: seen.flatMap(request => headerOf(request, 'authorization')),
    }).toEqual({
      status: 101,
      sent: ['GET /courses'],
      upgrade: ['websocket'],
      user: [on.issuer.claims().sub],
      authorization: [],
    })
  })

  test.each([
    ['needs the token of its route', '/courses', 401, 'token_missing'],
    ['needs a route', '/nothing', 404, 'route_unknown'],
    ['needs a GET route', '/only-post', 405, 'method_not_allowed'],
    ['needs a path that is not ambiguous', '/courses/../health', 400, 'path_ambiguous'],
  ])('%s', async (_, target, status, code) => {
    expect(await on.outcome({ target, headers: WEBSOCKET })).toEqual(refused(status, code))
  })

  test('needs the scope of its route', async () => {
    const token = on.issuer.token({ scope: 'append' })
    const parts = { target: '/courses', headers: WEBSOCKET, token }
    expect(await on.outcome(parts)).toEqual(refused(403, 'scope_missing'))
  })

  test('with another method is refused where that method is', async () => {
    const parts = { method: 'POST', target: '/health', headers: WEBSOCKET }
    expect(await on.outcome(parts)).toEqual(refused(405, 'method_not_allowed'))
  })

  const hidden = 'GET /courses HTTP/1.1\r\nHost: x\r\n\r\n'
  test.each([
    ['with another method', 'POST', '/only-post', ''],
    ['with another method and a body', 'POST', '/only-post', hidden],
    ['with a body', 'GET', '/health', hidden],
  ])('%s is none, and handled as a plain request', async (_, method, target, body) => {
    const length: HeaderList = body === '' ? [] : [['Content-Length', String(body.length)]]
    const parts = { method, target, headers: [...WEBSOCKET, ...length], body }
    const { answer, seen } = await on.exchange(parts)
    expect({
      status: answer.status,
      lines: seen.map(request => `${request.method} ${request.target} ${request.body}`),
      upgrade: seen.flatMap(request => headerOf(request, 'upgrade')),
    }).toEqual({ status: 200, lines: [`${method} ${target} ${body}`], upgrade: [] })
  })

  test('takes no forged identity along on a public route', async () => {
    on.upstream.answer = accept
    const forged: HeaderList = [
      ['X-Dataporten-Userid', 'forged'],
      ['X_Dataporten_Scopes', 'forged'],
    ]
    const seen = await on.passed({ target: '/health', headers: [...WEBSOCKET, ...forged] })
    expect(identityOf(seen)).toEqual([['X-Dataporten-gatekeeper', 'grades']])
  })

  test.each([
    ['101', 'HTTP/1.1 101 Switching Protocols', ['Upgrade: websocket']],
    ['403', 'HTTP/1.1 403 Forbidden', ['Content-Length: 0']],
  ])('is answered with what the upstream says: %s', async (_, line, fields) => {
    const said = ['Set-Cookie: a', 'Set-Cookie: b', 'X-Twice: 1', 'X-Twice: 2', 'X-Latin1: bl\xe5']
    const hops = ['Connection: Upgrade, X-Hop', 'X-Hop: 1', 'X-Request-Id: upstream', ...fields]
    on.upstream.answer = () => [line, ...said, ...hops, '', ''].join('\r\n')
    const { answer } = await on.exchange({ target: '/health', headers: WEBSOCKET })
    const heard = answer.headers.map(([name, value]) => `${name}: ${value}`.toLowerCase())
    expect({
      said: heard.filter(field => /^(set-cookie|x-twice|x-latin1|x-hop)/.test(field)),
      ids: valuesOf(answer, 'x-request-id').map(id => id === 'upstream'),
    }).toEqual({ said: said.map(field => field.toLowerCase()), ids: [false] })
  })

  test('that the upstream declines is answered like any request', async () => {
    on.upstream.answer = () => reply({ status: 426, headers: { 'X-Why': 'no' }, body: 'no' })
    const { answer } = await on.exchange({ target: '/health', headers: WEBSOCKET })
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 426, body: 'no' })
  })

  describe.each([
    ['with another answer', () => reply({ status: 200, body: 'no' })],
    ['since the version is wrong', () => reply({ status: 426, body: 'no' })],
  ])('that the upstream declines %s opens no tunnel', (_, decline) => {
    const first = () => request({ target: '/health', headers: WEBSOCKET })
    const hidden = () =>
      request({ target: '/courses', headers: [['X-Dataporten-Userid', 'forged']] })

    test.each([
      ['with the request', () => [Buffer.concat([first(), hidden()])]],
      ['right after it', () => [first(), hidden()]],
    ])('for what is sent %s', async (_when, pieces) => {
      on.upstream.answer = decline
      await send(on.gateway.port, pieces(), { pause: 100, settle: 150 })
      const texts = on.upstream.connections.map(connection => connection.text).join('')
      expect(texts).not.toContain('forged')
    })
  })
})
