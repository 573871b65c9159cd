import { describe, expect, test } from 'vitest'
import { type HeaderList, valuesOf } from '../support/raw.ts'
import { reply } from '../support/upstream.ts'
import { stage } from './stage.ts'

const on = stage({
  dataSources: { grades: { routes: { 'ANY /health': 'public', 'GET /me': 'authenticated' } } },
})
const target = '/health'

/** What the gateway adds for its own connection. */
const OWN = /^(connection|keep-alive|x-request-id|transfer-encoding)$/i
const upstreamsOf = (headers: HeaderList) => headers.filter(([name]) => !OWN.test(name))

describe('an answer is passed on unchanged', () => {
  const HEADERS: HeaderList = [
    ['Date', 'Tue, 15 Nov 1994 08:12:31 GMT'],
    ['SERVER', 'Apache/1.3'],
    ['Set-Cookie', 'a=1; Path=/'],
    ['Content-Type', 'text/csv; charset=iso-8859-1'],
    ['set-cookie', 'b=2'],
    ['Set-Cookie', 'a=1; Path=/'],
    ['Vary', 'Origin'],
    ['vary', 'Accept'],
    ['WWW-Authenticate', 'Basic realm="a", Digest realm="b"'],
    ['Access-Control-Allow-Origin', 'https://app.example.no'],
    ['Cache-Control', 'max-age=1'],
    ['ETag', 'W/"a"'],
    ['X_Under_Score', 'u'],
    ['X-Dataporten-Userid', 'the upstream may say what it likes'],
    ['X-Empty', ''],
    ['X-Latin1', 'bl\xe5'],
    ['Location', '/a/../b?c#d'],
    ['Link', '</a>; rel=next, </b>; rel=prev'],
    ['X-Powered-By', 'PHP/5.6'],
    ['__proto__', 'a'],
    ['constructor', 'b'],
    ['Content-Length', '5'],
  ]

  test('headers in order, in their case, with their duplicates', async () => {
    on.upstream.answer = () => reply({ headers: HEADERS, body: 'a;b\xe5\n', bare: true })
    const { answer } = await on.exchange({ target })
    expect({ headers: upstreamsOf(answer.headers), body: answer.body }).toEqual({
      headers: HEADERS,
      body: 'a;b\xe5\n',
    })
  })

  test('and nothing but a request id, and a date where there is none, is added', async () => {
    on.upstream.answer = () => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
    const { answer } = await on.exchange({ target })
    const left = upstreamsOf(answer.headers).filter(([name]) => name.toLowerCase() !== 'date')
    expect(left).toEqual([['Content-Length', '0']])
  })

  test.each([200, 201, 206, 301, 302, 400, 401, 403, 404, 418, 429, 451, 500, 503, 599])(
    'status %d',
    async status => {
      on.upstream.answer = () => reply({ status, reason: 'Because', body: 'why' })
      const { answer } = await on.exchange({ target })
      expect([answer.status, answer.body]).toEqual([status, 'why'])
    },
  )

  test.each([204, 304])('status %d has no body', async status => {
    on.upstream.answer = () => reply({ status, headers: { ETag: '"a"' }, bare: true })
    const first = await on.exchange({ target })
    const second = await on.exchange({ target })
    expect([first.answer, second.answer].map(a => [a.status, a.body, valuesOf(a, 'etag')])).toEqual(
      [
        [status, '', ['"a"']],
        [status, '', ['"a"']],
      ],
    )
  })

  test('HEAD keeps the length of what GET would have sent', async () => {
    on.upstream.answer = () => 'HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n'
    const { answer } = await on.exchange({ method: 'HEAD', target }, { settle: 30 })
    expect([answer.status, valuesOf(answer, 'content-length'), answer.body]).toEqual([
      200,
      ['12345'],
      '',
    ])
  })

  test('an answer to HEAD without a length has no body either', async () => {
    on.upstream.answer = () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    const { answer } = await on.exchange({ method: 'HEAD', target }, { settle: 30 })
    expect([answer.status, answer.raw.split('\r\n\r\n')[1]]).toEqual([200, ''])
  })

  test('encoded bodies are not touched', async () => {
    const headers = { 'Content-Encoding': 'gzip', 'Content-Type': 'text/plain' }
    on.upstream.answer = () => reply({ headers, body: '\x1f\x8bnot really' })
    const { answer } = await on.exchange({ target, headers: [['Accept-Encoding', 'gzip']] })
    expect([valuesOf(answer, 'content-encoding'), answer.body]).toEqual([
      ['gzip'],
      '\x1f\x8bnot really',
    ])
  })
})

describe('hop-by-hop headers of an answer', () => {
  test('go no further, nor does what Connection names', async () => {
    const headers: HeaderList = [
      ['Connection', 'keep-alive, X-Hop'],
      ['Keep-Alive', 'timeout=99, max=7'],
      ['X-Hop', '1'],
      ['Proxy-Connection', 'keep-alive'],
      ['Proxy-Authenticate', 'Basic realm="x"'],
      ['Trailer', 'X-Late'],
      ['Upgrade', 'h2c'],
      ['TE', 'trailers'],
      ['X-Stays', '2'],
    ]
    on.upstream.answer = () => reply({ headers, body: 'ok' })
    const { answer } = await on.exchange({ target })
    const names = upstreamsOf(answer.headers).map(([name]) => name.toLowerCase())
    expect({
      left: names.filter(name => name !== 'date' && name !== 'content-length'),
      foreign: /x-hop|timeout=99|max=7/i.test(answer.raw),
    }).toEqual({ left: ['x-stays'], foreign: false })
  })

  test('Connection: close of the upstream does not close the caller’s connection', async () => {
    on.upstream.answer = () => reply({ headers: { Connection: 'close' }, body: 'ok' })
    const { answer } = await on.exchange({ target })
    expect(valuesOf(answer, 'connection').join()).not.toMatch(/close/i)
  })

  test('chunks of the upstream are framed anew', async () => {
    on.upstream.answer = () =>
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
      '5;ext="a"\r\nhello\r\n1\r\n!\r\n0\r\nX-Late: trailer\r\n\r\n'
    const { answer } = await on.exchange({ target })
    expect({ body: answer.body, ext: answer.raw.includes('ext=') }).toEqual({
      body: 'hello!',
      ext: false,
    })
  })
})

describe('X-Request-Id of an answer', () => {
  test.each([
    ['one of the upstream is replaced', [['X-Request-Id', 'upstream']]],
    [
      'several of the upstream are replaced',
      [
        ['x-request-id', 'a'],
        ['X-REQUEST-ID', 'b'],
      ],
    ],
    ['none of the upstream is added', []],
  ] as [string, HeaderList][])('%s', async (_, headers) => {
    on.upstream.answer = () => reply({ headers, body: 'ok' })
    const { answer } = await on.exchange({ target, headers: [['X-Request-Id', 'mine']] })
    expect(valuesOf(answer, 'x-request-id')).toEqual(['mine'])
  })

  test.each([
    ['of a route', '/nothing'],
    ['of a token', '/me'],
    ['of a path', '/a/../b'],
  ])('refusals %s have one as well', async (_, path) => {
    const { answer } = await on.exchange({ target: path })
    expect(valuesOf(answer, 'x-request-id')).toEqual([JSON.parse(answer.body).requestId])
  })
})
