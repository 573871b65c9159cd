import { describe, expect, test } from 'vitest'
import { chunked, type HeaderList, request, send } from '../support/raw.ts'
import { headerOf, type UpstreamRequest } from '../support/upstream.ts'
import { stage } from './stage.ts'

const on = stage({
  dataSources: {
    grades: {
      routes: { 'ANY /open/**': 'public', 'GET /admin': { scopes: ['admin'] } },
    },
  },
})

/** What an upstream must never see as a request of its own. */
const SMUGGLED = 'GET /admin HTTP/1.1\r\nHost: x\r\nX-Dataporten-Userid: forged\r\n\r\n'
const CHUNKED: [string, string] = ['Transfer-Encoding', 'chunked']
const lengthOf = (text: string): [string, string] => ['Content-Length', String(text.length)]

/** Everything that reached the upstream, read by its own framing. */
const linesOf = (seen: readonly UpstreamRequest[]) =>
  seen.map(({ method, target, body }) => `${method} ${target} ${body.length}`)
const framingOf = (seen: UpstreamRequest) => ({
  length: headerOf(seen, 'content-length'),
  transfer: headerOf(seen, 'transfer-encoding'),
})

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'QUERY']

describe('a chunked body does not smuggle a second request', () => {
  test.each(METHODS)('%s', async method => {
    const parts = { method, target: '/open/a', headers: [CHUNKED], body: chunked(SMUGGLED) }
    const { answer, seen } = await on.exchange(parts, { settle: 50 })
    const framing = seen.map(framingOf)
    expect({ status: answer.status, lines: linesOf(seen) }).toEqual({
      status: 200,
      lines: [`${method} /open/a ${SMUGGLED.length}`],
    })
    expect([
      { length: [], transfer: ['chunked'] },
      { length: [String(SMUGGLED.length)], transfer: [] },
    ]).toContainEqual(framing[0])
  })

  test.each(METHODS)('%s, and the next request on the connection is itself', async method => {
    const first = { method, target: '/open/a', headers: [CHUNKED], body: chunked(SMUGGLED) }
    const second = { target: '/open/b' }
    const bytes = Buffer.concat([request(first), request(second)])
    await send(on.gateway.port, bytes, { answers: 2, settle: 50 })
    expect(linesOf(on.upstream.requests)).toEqual([
      `${method} /open/a ${SMUGGLED.length}`,
      'GET /open/b 0',
    ])
  })

  test.each(METHODS)('%s with a length', async method => {
    const headers = [lengthOf(SMUGGLED)]
    const parts = { method, target: '/open/a', headers, body: SMUGGLED }
    const { seen } = await on.exchange(parts, { settle: 50 })
    expect(seen.map(framingOf)).toEqual([{ length: [String(SMUGGLED.length)], transfer: [] }])
  })

  test.each(['GET', 'DELETE', 'OPTIONS', 'POST'])('%s with an empty chunked body', async method => {
    const parts = { method, target: '/open/a', headers: [CHUNKED], body: chunked() }
    const { seen } = await on.exchange(parts, { settle: 30 })
    expect(linesOf(seen)).toEqual([`${method} /open/a 0`])
  })

  test.each([
    ['in one piece for each byte', [...chunked(SMUGGLED).toString('latin1')]],
    ['with extensions', ['5;a=b;c="d"\r\nhello\r\n', '0;last\r\n\r\n']],
    ['with leading zeros', ['0005\r\nhello\r\n', '0000\r\n\r\n']],
    ['with digits in upper case', ['A\r\n0123456789\r\n', '0\r\n\r\n']],
  ])('%s', async (_, pieces) => {
    const head = request({ method: 'DELETE', target: '/open/a', headers: [CHUNKED] })
    const answers = await send(on.gateway.port, [head, ...pieces], { pause: 1, settle: 50 })
    expect({ count: on.upstream.requests.length, status: answers.map(a => a.status) }).toEqual({
      count: 1,
      status: [200],
    })
    expect(on.upstream.requests[0]?.raw).not.toMatch(/;a=b|;last/)
  })

  test('a preflight with a body', async () => {
    const headers: HeaderList = [
      ['Origin', 'https://app.example.no'],
      ['Access-Control-Request-Method', 'GET'],
      CHUNKED,
    ]
    const parts = { method: 'OPTIONS', target: '/admin', headers, body: chunked(SMUGGLED) }
    const { seen } = await on.exchange(parts, { settle: 50 })
    expect(linesOf(seen)).toEqual([`OPTIONS /admin ${SMUGGLED.length}`])
  })
})

describe('a fault inside a chunked body', () => {
  test.each([
    ['a size that is none', 'x\r\nhello\r\n0\r\n\r\n'],
    ['a size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['a negative size', '-5\r\nhello\r\n0\r\n\r\n'],
    ['a size beyond 64 bits', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
    ['a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
    ['more than the size says', '3\r\nhello\r\n0\r\n\r\n'],
    ['bare LF after the size', '5\nhello\r\n0\r\n\r\n'],
    ['bare LF after the data', '5\r\nhello\n0\r\n\r\n'],
    ['bare LF in an extension', '5;a\nhello\r\n0\r\n\r\n'],
    ['bare CR in an extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
    ['bare LF at the end', '5\r\nhello\r\n0\n\n'],
    ['no size', '\r\nhello\r\n0\r\n\r\n'],
    ['endless extensions', `5;${'a'.repeat(100_000)}\r\nhello\r\n0\r\n\r\n`],
  ])('%s leaves no complete request at the upstream and closes', async (_, body) => {
    const bytes = request({ method: 'POST', target: '/open/a', headers: [CHUNKED], body })
    const answers = await send(on.gateway.port, [bytes, SMUGGLED], { settle: 50 })
    expect({
      good: answers.filter(answer => answer.status < 400).length,
      closed: answers.at(-1)?.closed ?? true,
      seen: linesOf(on.upstream.requests),
    }).toEqual({ good: 0, closed: true, seen: [] })
  })
})
