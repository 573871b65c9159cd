import { describe, expect, test } from 'vitest'
import { type HeaderList, valuesOf } from '../support/raw.ts'
import { headerOf, type UpstreamRequest } from '../support/upstream.ts'
import { stage } from './stage.ts'

const on = stage({ dataSources: { grades: { routes: { 'ANY /health': 'public' } } } })

/** What the gateway itself adds or may place anew. */
const OWN = /^(host|connection|keep-alive|x-request-id|x-forwarded-\w+|x-dataporten-[\w-]+)$/i
const callersOf = (seen: UpstreamRequest) => seen.headers.filter(([name]) => !OWN.test(name))

describe('X-Request-Id', () => {
  test.each(['a', 'abc-DEF_1.2', 'x'.repeat(128), '0'])(
    '%s is the caller’s, on both sides',
    async id => {
      const headers: HeaderList = [['x-request-id', id]]
      const { answer, seen } = await on.exchange({ target: '/health', headers })
      expect({
        upstream: seen.flatMap(request => headerOf(request, 'x-request-id')),
        caller: valuesOf(answer, 'x-request-id'),
      }).toEqual({ upstream: [id], caller: [id] })
    },
  )

  test.each<[string, string[]]>([
    ['too long', ['x'.repeat(129)]],
    ['with a space', ['a b']],
    ['with other characters', ['a/b']],
    ['with a comma', ['a,b']],
    ['with bytes beyond ASCII', ['\xe6']],
    ['empty', ['']],
    ['absent', []],
    ['sent twice', ['first', 'second']],
  ])('is new when it is %s, once and the same on both sides', async (_, ids) => {
    const headers = ids.map((id): [string, string] => ['X-Request-Id', id])
    const { answer, seen } = await on.exchange({ target: '/health', headers })
    const [own = '', ...more] = valuesOf(answer, 'x-request-id')
    expect({
      valid: /^[A-Za-z0-9._-]{1,128}$/.test(own),
      own: !ids.includes(own) || own === 'first',
      more,
      upstream: seen.flatMap(request => headerOf(request, 'x-request-id')),
    }).toEqual({ valid: true, own: true, more: [], upstream: [own] })
  })

  test('is another for every request', async () => {
    const ids = new Set<string>()
    for (let count = 0; count < 20; count += 1) {
      const { answer } = await on.exchange({ target: '/health' })
      for (const id of valuesOf(answer, 'x-request-id')) ids.add(id)
    }
    expect(ids.size).toBe(20)
  })
})

describe('everything else of the request is passed on unchanged', () => {
  const HEADERS: HeaderList = [
    ['accept', 'application/json;q=0.9, */*'],
    ['X-Custom', 'one'],
    ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    ['tracestate', 'a=1,b=2'],
    ['Cookie', 'a=b; c="d"'],
    ['x-custom', 'two'],
    ['User-Agent', 'R (4.4.1) httr/1.4'],
    ['X-CUSTOM', 'one'],
    ['Accept-Encoding', 'gzip, br'],
    ['If-None-Match', 'W/"a", "b"'],
    ['Range', 'bytes=0-1'],
    ['Referer', 'https://example.no/?a=b#c'],
    ['Origin', 'https://example.no'],
    ['Accept-Language', 'nb;q=0.8'],
    ['Cookie', 'second=1'],
    ['Via', '1.1 other'],
    ['Max-Forwards', '10'],
    ['X-Empty', ''],
    ['X-Latin1', 'bl\xe5b\xe6r'],
    ['X-Utf8', 'bl\xc3\xa5b\xc3\xa6r'],
    ['X-Inner', 'a  b\tc'],
    ['X-API-Key', 'k'],
    ['Dataporten', 'x'],
    ['1-2-3', 'digits'],
    ['constructor', 'a'],
    ['toString', 'b'],
    ['User-Agent', 'second'],
    ['Content-Type', 'text/a'],
    ['content-type', 'text/b'],
    ['Cache-Control', 'no-cache'],
  ]

  test('in order, in its case, with its duplicates', async () => {
    const seen = await on.passed({ target: '/health', headers: HEADERS })
    expect(callersOf(seen)).toEqual(HEADERS)
  })

  test('in reverse order as well', async () => {
    const headers = [...HEADERS].reverse()
    const seen = await on.passed({ target: '/health', headers })
    expect(callersOf(seen)).toEqual(headers)
  })

  test('and nothing is added', async () => {
    expect(callersOf(await on.passed({ target: '/health' }))).toEqual([])
  })

  test.each([
    ['POST', 'hello', [['Content-Length', '5']]],
    ['PATCH', 'hello', [['Content-Length', '5']]],
    ['POST', '', [['Content-Length', '0']]],
    ['DELETE', 'hello', [['Content-Length', '5']]],
    ['GET', 'hello', [['Content-Length', '5']]],
    ['GET', '', []],
    ['DELETE', '', []],
  ] as [string, string, HeaderList][])(
    '%s with the body %j keeps its length',
    async (method, body, length) => {
      const headers: HeaderList = [['Content-Type', 'text/x; charset="a"'], ...length]
      const seen = await on.passed({ method, target: '/health', headers, body })
      expect({
        method: seen.method,
        body: seen.body.toString(),
        type: headerOf(seen, 'content-type'),
        length: headerOf(seen, 'content-length'),
        transfer: headerOf(seen, 'transfer-encoding'),
      }).toEqual({
        method,
        body,
        type: ['text/x; charset="a"'],
        length: length.map(([, value]) => value),
        transfer: [],
      })
    },
  )

  test('a body with every byte arrives with every byte', async () => {
    const body = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256))
    const headers: HeaderList = [['Content-Length', '1024']]
    const parts = { method: 'PUT', target: '/health', headers, body }
    expect((await on.passed(parts)).body).toEqual(body)
  })
})
