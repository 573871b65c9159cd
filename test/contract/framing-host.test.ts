import { describe, expect, test } from 'vitest'
import { type HeaderList, request, send, valuesOf } from '../support/raw.ts'
import { stage } from './stage.ts'

const on = stage({ dataSources: { grades: { routes: { 'ANY /open/**': 'public' } } } })

describe('Host', () => {
  const withHosts = (...hosts: string[]) => ({
    host: false as const,
    target: '/open/a',
    headers: hosts.map((host): [string, string] => ['Host', host]),
  })
  const MALFORMED = { status: 400, code: 'request_malformed', sent: [] }

  test.each<[string, string[]]>([
    ['none', []],
    ['two', ['a.example.no', 'b.example.no']],
    ['two equal ones', ['a.example.no', 'a.example.no']],
    ['above 255 characters', ['a'.repeat(256)]],
    ['percent-encoded', ['a%2eexample.no']],
    ['with a port that is none', ['a.example.no:x']],
    ['with a port with a sign', ['a.example.no:+80']],
    ['with a port too high', ['a.example.no:65536']],
    ['with a port far too high', ['a.example.no:99999999999']],
    ['with two ports', ['a.example.no:80:80']],
    ['with a space', ['a b']],
    ['with a slash', ['a.example.no/open']],
    ['with a backslash', ['a.example.no\\b']],
    ['with a question mark', ['a.example.no?b']],
    ['with a hash', ['a.example.no#b']],
    ['with a user', ['user@a.example.no']],
    ['with a comma', ['a.example.no,b.example.no']],
    ['with bytes beyond ASCII', ['\xe5.example.no']],
    ['with an open bracket', ['[::1']],
    ['with quotes', ['"a"']],
    ['with angle brackets', ['<a>']],
  ])('%s is refused', async (_, hosts) => {
    expect(await on.outcome(withHosts(...hosts))).toEqual(MALFORMED)
  })

  test('none on HTTP/1.0 is refused too', async () => {
    expect(await on.outcome({ ...withHosts(), version: 'HTTP/1.0' })).toEqual(MALFORMED)
  })

  test.each([
    'a.example.no',
    'a.example.no:65535',
    'a.example.no.',
    'a_b.example.no',
    '[::1]',
    '[::1]:80',
    '[2001:db8::1]:8443',
    '10.0.0.1',
    'xn--nrgrd-vuac.example.no',
    'a'.repeat(255),
  ])('%s is fine', async host => {
    const expected = { status: 200, sent: ['GET /open/a'] }
    expect(await on.outcome(withHosts(host))).toEqual(expected)
  })
})

describe('HTTP/1.0', () => {
  test('is served and closed, without chunks', async () => {
    on.upstream.answer = () =>
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'
    const { answer } = await on.exchange({ target: '/open/a', version: 'HTTP/1.0' })
    expect({
      status: answer.status,
      body: answer.body,
      closed: answer.closed,
      transfer: valuesOf(answer, 'transfer-encoding'),
    }).toEqual({ status: 200, body: 'hello', closed: true, transfer: [] })
  })

  test('gets no 100 Continue, which it does not know', async () => {
    const headers: HeaderList = [
      ['Expect', '100-continue'],
      ['Content-Length', '5'],
    ]
    const parts = { method: 'POST', target: '/open/a', version: 'HTTP/1.0', headers, body: 'hello' }
    const answers = await send(on.gateway.port, request(parts), { settle: 50 })
    expect(answers.map(answer => answer.status)).toEqual([200])
  })
})
