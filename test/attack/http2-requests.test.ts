import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { folded, identityOf } from '../contract/stage.ts'
import {
  CANCEL,
  code,
  DATA,
  END_STREAM,
  type Field,
  frame,
  get,
  headers,
  INTERNAL_ERROR,
  NO_ERROR,
  openRaw,
  PROTOCOL_ERROR,
  RST_STREAM,
} from '../edge/frames.ts'
import { tlsWorld, until } from '../edge/support.ts'
import { count } from '../life/support.ts'
import { headerOf } from '../support/upstream.ts'

/** Requests over HTTP/2 that no well-behaved client would make, frame by frame. */

const world = tlsWorld({
  dataSources: {
    grades: { routes: { 'ANY /open/**': 'public', 'ANY /me': 'authenticated' } },
  },
})

const post = (path: string, more: readonly Field[] = []): readonly Field[] => [
  [':method', 'POST'],
  ...get(path, more).slice(1),
]

/** What became of the frames of stream 1, here and at the upstream. */
async function fateOf(...frames: Buffer[]) {
  const session = await openRaw(world().gateway.port)
  session.write(...frames)
  const { status, reset } = await session.endOf(1, 2_000)
  session.destroy()
  const said = reset === undefined ? session.goaway : reset
  return { status, error: said || undefined, seen: world().upstream.requests.length }
}
const RESET = { status: undefined, error: PROTOCOL_ERROR, seen: 0 }
const BAD = { status: 400, error: undefined, seen: 0 }
const PASSED = { status: 200, error: undefined, seen: 1 }

describe('pseudo headers', () => {
  const [METHOD, SCHEME, AUTHORITY, PATH] = get('/open/a') as [Field, Field, Field, Field]
  test.each<[string, readonly Field[], object]>([
    ['as they should be', get('/open/a'), PASSED],
    ['two paths', get('/open/a', [[':path', '/me']]), RESET],
    ['two authorities', get('/open/a', [[':authority', 'other.test']]), RESET],
    ['two methods', get('/open/a', [[':method', 'POST']]), RESET],
    ['one behind a header', [METHOD, SCHEME, AUTHORITY, ['x-a', 'b'], PATH], RESET],
    ['an unknown one', get('/open/a', [[':host', 'a']]), RESET],
    ['one of an answer', get('/open/a', [[':status', '200']]), RESET],
    ['a protocol without CONNECT', get('/open/a', [[':protocol', 'websocket']]), RESET],
    ['no path', [METHOD, SCHEME, AUTHORITY], RESET],
    ['an empty path', get(''), RESET],
    ['no scheme', [METHOD, AUTHORITY, PATH], RESET],
    ['no host of any kind', [METHOD, SCHEME, PATH], RESET],
    ['an absolute path', get('https://gateway.test/open/a'), RESET],
    ['a space in the path', get('/open/a b'), RESET],
    ['a line in the path', get('/open/a\r\nX-A: b'), RESET],
    ['a line in the method', [[':method', 'GET /me\r\n'], SCHEME, AUTHORITY, PATH], RESET],
    ['user information', [METHOD, SCHEME, [':authority', 'u@gateway.test'], PATH], RESET],
    ['a host that is none', [METHOD, SCHEME, [':authority', 'a..b'], PATH], BAD],
    ['a path beyond ASCII', get('/open/\xe9'), BAD],
    ['a query beyond ASCII', get('/open/a?\xe9'), BAD],
    ['a host that says something else', get('/open/a', [['host', 'other.test']]), BAD],
    ['a host that says the same', get('/open/a', [['host', 'gateway.test']]), PASSED],
    ['a host alone', [METHOD, SCHEME, PATH, ['host', 'gateway.test']], PASSED],
    ['two hosts', [METHOD, SCHEME, PATH, ['host', 'a.test'], ['host', 'a.test']], RESET],
    ['another scheme', [METHOD, [':scheme', 'http'], AUTHORITY, PATH], PASSED],
  ])('%s', async (_, fields, fate) => {
    expect(await fateOf(headers(1, fields))).toEqual(fate)
  })

  test('the scheme is what the connection is, not what is said', async () => {
    await fateOf(headers(1, [METHOD, [':scheme', 'http'], AUTHORITY, PATH]))
    const [request] = world().upstream.requests
    expect(request && headerOf(request, 'x-forwarded-proto')).toEqual(['https'])
  })

  test.each<[string, readonly Field[], object]>([
    [
      'CONNECT',
      [
        [':method', 'CONNECT'],
        [':authority', 'a:1'],
      ],
      { ...BAD, status: 405 },
    ],
    [
      'CONNECT for a WebSocket',
      [[':method', 'CONNECT'], [':protocol', 'websocket'], SCHEME, AUTHORITY, PATH],
      RESET,
    ],
  ])('%s is refused', async (_, fields, fate) => {
    expect(await fateOf(headers(1, fields, 0))).toEqual(fate)
  })
})

describe('headers', () => {
  test.each([
    ['connection', 'x-dataporten-userid'],
    ['connection', 'close'],
    ['keep-alive', 'timeout=5'],
    ['proxy-connection', 'keep-alive'],
    ['transfer-encoding', 'chunked'],
    ['upgrade', 'websocket'],
    ['te', 'gzip'],
    ['content-length', '5'],
    ['content-length', '+0'],
    ['X-Dataporten-Userid', 'forged'],
  ] as const)('%s: %s is a protocol error', async (name, value) => {
    expect(await fateOf(headers(1, get('/open/a', [[name, value]])))).toEqual(RESET)
  })

  test.each<[string, Field]>([
    ['CR LF in a value', ['x-a', 'b\r\nX-Dataporten-Userid: forged']],
    ['LF in a value', ['x-a', 'b\nX-Dataporten-Userid: forged']],
    ['NUL in a value', ['x-a', 'b\0forged']],
    ['CR LF in a name', ['x-a: b\r\nx-dataporten-userid', 'forged']],
    ['a colon in a name', ['x-dataporten-userid:', 'forged']],
    ['a space in a name', ['x-dataporten-userid ', 'forged']],
    ['no name', ['', 'forged']],
    ['CR LF in a cookie', ['cookie', 'a=b\r\nX-Dataporten-Userid: forged']],
    ['underscores', ['x_dataporten_userid', 'forged']],
    ['dots', ['x.dataporten.userid', 'forged']],
  ])('%s: nothing of it reaches the upstream', async (_, field) => {
    const token = world().issuer.systemToken()
    const fields = get('/me', [['authorization', `Bearer ${token}`], field])
    expect(await fateOf(headers(1, fields))).toEqual(PASSED)
    const [request] = world().upstream.requests
    expect(request?.raw).not.toContain('forged')
    expect(request && identityOf(request).map(([name]) => folded(name))).not.toContain(
      'x-dataporten-userid',
    )
  })

  test('the crumbs of a cookie are one again, in order', async () => {
    const crumbs: Field[] = [
      ['cookie', 'a=1'],
      ['x-a', 'b'],
      ['cookie', 'c=2; d=3'],
      ['cookie', 'e=4'],
    ]
    await fateOf(headers(1, get('/open/a', crumbs)))
    const [request] = world().upstream.requests
    expect(request && headerOf(request, 'cookie')).toEqual(['a=1; c=2; d=3; e=4'])
  })

  test('what stands in trailers reaches nobody', async () => {
    const trailers = headers(1, [['x-dataporten-userid', 'forged']])
    const body = frame(DATA, 0, 1, Buffer.from('hello'))
    expect(await fateOf(headers(1, post('/open/a'), 0), body, trailers)).toEqual(PASSED)
    const [request] = world().upstream.requests
    expect([request?.body.toString(), request?.trailers, request?.raw.includes('forged')]).toEqual([
      'hello',
      '',
      false,
    ])
  })

  test('a pseudo header in trailers is a protocol error', async () => {
    const trailers = headers(1, [[':path', '/me']])
    expect(await fateOf(headers(1, post('/open/a'), 0), trailers)).toEqual(RESET)
  })

  test.each([
    [120, 431],
    [900, 431],
  ])('%d fields are refused as they are over HTTP/1.1', async (count, status) => {
    const many = Array.from({ length: count }, (_, i): Field => [`x-${i}`, 'v'])
    expect(await fateOf(headers(1, get('/open/a', many)))).toEqual({ ...BAD, status })
  })

  test('and so they are when the session knows what it may send', async () => {
    const session = await openRaw(world().gateway.port)
    session.write(headers(1, get('/open/a')))
    expect((await session.endOf(1)).status).toBe(200)
    const large: Field[] = ['x', 'y'].map(name => [name, 'v'.repeat(30_000)])
    session.write(headers(3, get('/open/a', large)))
    expect((await session.endOf(3)).status).toBe(431)
    session.destroy()
  })

  test('a block beyond reason is let go with its session', async () => {
    const large: Field[] = ['x', 'y', 'z', 'w'].map(name => [name, 'v'.repeat(60_000)])
    const session = await openRaw(world().gateway.port)
    session.write(headers(1, get('/open/a', large)))
    expect(await session.until(() => session.closed)).toBe(true)
    expect(world().upstream.requests).toEqual([])
  })
})

describe('a body that is not whole never reaches the upstream as a whole one', () => {
  const begun = (more: readonly Field[] = []) =>
    Buffer.concat([headers(1, post('/open/a', more), 0), frame(DATA, 0, 1, Buffer.from('start'))])
  const reset = (value: number) => frame(RST_STREAM, 0, 1, code(value))
  const LENGTH: Field[] = [['content-length', '10']]

  test.each<[string, Buffer, readonly Field[]]>([
    ['reset without an error', reset(NO_ERROR), []],
    ['reset as cancelled', reset(CANCEL), []],
    ['reset with an error', reset(INTERNAL_ERROR), []],
    ['of a length, reset without an error', reset(NO_ERROR), LENGTH],
    ['of a length, ended before it', frame(DATA, END_STREAM, 1), LENGTH],
    ['of a length, longer than it', frame(DATA, END_STREAM, 1, Buffer.alloc(99, 'x')), LENGTH],
    ['with a frame that is none', frame(DATA, 8, 1, Buffer.from([9, 1])), []],
  ])('%s', async (_, end, more) => {
    const session = await openRaw(world().gateway.port)
    session.write(begun(more))
    expect(await until(() => world().upstream.received.includes('start'))).toBe(true)
    session.write(end)
    const open = () => world().upstream.connections.filter(({ closed }) => !closed).length
    expect(await until(() => open() === 0)).toBe(true)
    expect(world().upstream.requests).toEqual([])
    session.destroy()
  })

  test.each(['end', 'resetAndDestroy'] as const)('cut by its connection: %s', async how => {
    const session = await openRaw(world().gateway.port)
    session.write(begun())
    expect(await until(() => world().upstream.received.includes('start'))).toBe(true)
    if (how === 'end') session.socket.end()
    else session.socket.destroy()
    const open = () => world().upstream.connections.filter(({ closed }) => !closed).length
    expect(await until(() => open() === 0)).toBe(true)
    expect(world().upstream.requests).toEqual([])
  })

  test('reset while the upstream does not read', async () => {
    let resume = () => {}
    world().upstream.onHead = (_request, socket) => {
      socket.pause()
      resume = () => socket.resume()
    }
    const session = await openRaw(world().gateway.port)
    const full = Array.from({ length: 3 }, () => frame(DATA, 0, 1, Buffer.alloc(16_384, 'x')))
    session.write(headers(1, post('/open/a'), 0), ...full)
    await sleep(200)
    session.write(reset(NO_ERROR))
    const inFlight = () => count(world().gateway, 'feide_gateway_in_flight_requests')
    expect(await until(async () => (await inFlight()) === 0)).toBe(true)
    resume()
    const open = () => world().upstream.connections.filter(({ closed }) => !closed).length
    expect(await until(() => open() === 0)).toBe(true)
    expect(world().upstream.requests).toEqual([])
    session.destroy()
  })
})

test('frames behind the end of a request are nothing to the upstream', async () => {
  const session = await openRaw(world().gateway.port)
  world().upstream.answer = () =>
    sleep(200).then(() => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  session.write(headers(1, get('/open/a')), frame(DATA, END_STREAM, 1, Buffer.from('GET /me')))
  await session.endOf(1)
  session.destroy()
  expect(world().upstream.received).not.toContain('GET /me')
})
