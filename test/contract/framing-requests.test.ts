import { describe, expect, test } from 'vitest'
import { chunked, type HeaderList, request, send } from '../support/raw.ts'
import type { UpstreamRequest } from '../support/upstream.ts'
import { codeOf, refused, stage } from './stage.ts'

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

describe('framing that two programs could read in two ways is refused', () => {
  const body = chunked('hello').toString('latin1') + SMUGGLED
  const faulty = (...headers: HeaderList) => ({ headers, body })

  test.each<[string, { headers: HeaderList; body: string; version?: string }]>([
    ['CL and TE', faulty(['Content-Length', '5'], CHUNKED)],
    ['TE and CL', faulty(CHUNKED, ['Content-Length', '5'])],
    ['TE and CL: 0', faulty(CHUNKED, ['Content-Length', '0'])],
    ['two different CL', faulty(['Content-Length', '5'], ['Content-Length', '6'])],
    ['two equal CL', faulty(['Content-Length', '5'], ['Content-Length', '5'])],
    ['a list of CL', faulty(['Content-Length', '5, 5'])],
    ['a list of two CL', faulty(['Content-Length', '5, 6'])],
    ['CL with a sign', faulty(['Content-Length', '+5'])],
    ['negative CL', faulty(['Content-Length', '-5'])],
    ['hexadecimal CL', faulty(['Content-Length', '0x5'])],
    ['CL with a fraction', faulty(['Content-Length', '5.0'])],
    ['CL with a space inside', faulty(['Content-Length', '1 0'])],
    ['empty CL', faulty(['Content-Length', ''])],
    ['CL beyond all numbers', faulty(['Content-Length', '99999999999999999999999'])],
    ['CL beyond 64 bits that wraps to 5', faulty(['Content-Length', '18446744073709551621'])],
    ['an unknown coding', faulty(['Transfer-Encoding', 'xchunked'])],
    ['identity', faulty(['Transfer-Encoding', 'identity'])],
    ['chunked before another', faulty(['Transfer-Encoding', 'chunked, gzip'])],
    ['chunked before another, in two fields', faulty(CHUNKED, ['Transfer-Encoding', 'x'])],
    ['chunked twice', faulty(['Transfer-Encoding', 'chunked, chunked'])],
    ['chunked twice, in two fields', faulty(CHUNKED, CHUNKED)],
    ['a quoted coding', faulty(['Transfer-Encoding', '"chunked"'])],
    ['a coding with a parameter', faulty(['Transfer-Encoding', 'chunked;q=1'])],
    ['empty TE', faulty(['Transfer-Encoding', ''])],
    ['a vertical tab before the coding', faulty(['Transfer-Encoding', '\x0bchunked'])],
    ['TE on HTTP/1.0', { ...faulty(CHUNKED), version: 'HTTP/1.0' }],
    ['TE and CL on HTTP/1.0', { ...faulty(CHUNKED, lengthOf(body)), version: 'HTTP/1.0' }],
    ['a space before the colon of TE', faulty(['Transfer-Encoding ', 'chunked'])],
    ['a space before the colon of CL', faulty(['Content-Length ', '5'])],
    ['a tab before a colon', faulty(['X-Custom\t', 'v'])],
    ['a folded TE', faulty(['Transfer-Encoding', '\r\n chunked'])],
    ['a folded field', faulty(['X-Custom', 'a\r\n b'], ['Content-Length', '5'])],
    ['a fold before the first field', faulty([' X-Custom', 'a'], ['Content-Length', '5'])],
    ['a bare LF that hides a field', faulty(['X-Custom', 'a\nTransfer-Encoding: chunked'])],
    ['a bare CR in a field', faulty(['X-Custom', 'a\rX-Dataporten-Userid: b'])],
    ['a NUL in a field', faulty(['X-Custom', 'a\0b'])],
    ['a NUL in a name', faulty(['X-Cus\0tom', 'a'])],
    ['a name with a space', faulty(['X Custom', 'a'])],
    ['an empty name', faulty(['', 'a'])],
    ['another version', { ...faulty(lengthOf(body)), version: 'HTTP/1.2' }],
    ['version 2.0', { ...faulty(lengthOf(body)), version: 'HTTP/2.0' }],
    ['version 0.9', { ...faulty(), version: 'HTTP/0.9' }],
  ])('%s', async (_, parts) => {
    const head = request({ method: 'POST', target: '/open/a', ...parts })
    const [answer, ...more] = await send(on.gateway.port, head, { settle: 50 })
    expect({
      status: answer?.status,
      code: answer && codeOf(answer),
      closed: answer?.closed,
      more: more.length,
      seen: linesOf(on.upstream.requests),
    }).toEqual({ status: 400, code: 'request_malformed', closed: true, more: 0, seen: [] })
  })

  test.each([
    ['no CR anywhere', 'GET /open/a HTTP/1.1\nHost: x\n\n'],
    ['no CR after the request line', 'GET /open/a HTTP/1.1\nHost: x\r\n\r\n'],
    ['no CR after a field', 'GET /open/a HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n'],
    ['no CR at the end', 'GET /open/a HTTP/1.1\r\nHost: x\r\n\n'],
    ['no version', 'GET /open/a\r\nHost: x\r\n\r\n'],
    ['a tab in the request line', 'GET\t/open/a HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a word too many', 'GET /open/a b HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a version in lower case', 'GET /open/a http/1.1\r\nHost: x\r\n\r\n'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['the start of TLS', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
    ['an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ])('%s', async (_, bytes) => {
    const [answer] = await send(on.gateway.port, bytes, { settle: 20 })
    expect({
      status: answer?.status,
      code: answer && codeOf(answer),
      closed: answer?.closed,
      seen: linesOf(on.upstream.requests),
    }).toEqual({ status: 400, code: 'request_malformed', closed: true, seen: [] })
  })
})

describe('a coding besides chunked', () => {
  test.each<[string, HeaderList]>([
    ['in one field', [['Transfer-Encoding', 'gzip, chunked']]],
    ['in two fields', [['Transfer-Encoding', 'gzip'], CHUNKED]],
    ['that is unknown', [['Transfer-Encoding', 'x, chunked']]],
    ['that is identity', [['Transfer-Encoding', 'identity, chunked']]],
  ])('%s is refused, since nobody would undo it', async (_, headers) => {
    const parts = { method: 'POST', target: '/open/a', headers, body: chunked('hello') }
    expect(await on.outcome(parts)).toEqual(refused(400, 'request_malformed'))
  })
})

describe('the request line', () => {
  test.each([
    ['an empty line before it', '\r\nGET /open/a HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['two spaces before the target', 'GET  /open/a HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('%s is no part of it', async (_, bytes) => {
    const [answer] = await send(on.gateway.port, bytes, { settle: 20 })
    expect([answer?.status, linesOf(on.upstream.requests)]).toEqual([200, ['GET /open/a 0']])
  })
})
