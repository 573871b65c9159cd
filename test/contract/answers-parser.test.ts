import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request, send } from '../support/raw.ts'
import { codeOf, refusal, refusalOf } from '../support/refusal.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({
    dataSources: { grades: { routes: { 'ANY /health': 'public' } } },
  })
})
afterAll(() => world.stop())

const HOST = 'Host: gateway.test\r\n'
const post = (fields: string, body: string) =>
  `POST /health HTTP/1.1\r\n${HOST}${fields}\r\n${body}`
const get = (fields: string) => `GET /health HTTP/1.1\r\n${HOST}${fields}\r\n`

const BROKEN: [string, string][] = [
  ['no HTTP at all', 'hello\r\n\r\n'],
  ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a version that there is not', `GET /health HTTP/9.9\r\n${HOST}\r\n`],
  ['no version', `GET /health\r\n${HOST}\r\n`],
  ['a space in the target', `GET /hea lth HTTP/1.1\r\n${HOST}\r\n`],
  ['a method with a bracket', `G(T /health HTTP/1.1\r\n${HOST}\r\n`],
  ['a space before a colon', get('X-One : 1\r\n')],
  ['a field without a colon', get('X-One\r\n')],
  ['a field without a name', get(': 1\r\n')],
  ['a name with a control character', get('X-\x01: 1\r\n')],
  ['a value with NUL', get('X-One: a\0b\r\n')],
  ['a value with a bare CR', get('X-One: a\rX-Two: b\r\n')],
  ['a folded line', get('X-One: a\r\n b\r\n')],
  ['a fold in the first line', `GET /health HTTP/1.1\r\n ${HOST}\r\n`],
  ['Content-Length that is no number', post('Content-Length: five\r\n', 'hello')],
  ['a negative Content-Length', post('Content-Length: -1\r\n', '')],
  ['Content-Length with a plus', post('Content-Length: +5\r\n', 'hello')],
  ['Content-Length in hexadecimal', post('Content-Length: 0x5\r\n', 'hello')],
  ['two Content-Lengths that differ', post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello!')],
  ['a list of Content-Lengths', post('Content-Length: 5, 6\r\n', 'hello!')],
  ['an empty Content-Length', post('Content-Length:\r\n', '')],
  [
    'Content-Length and Transfer-Encoding',
    post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  ],
  [
    'Transfer-Encoding and Content-Length',
    post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'),
  ],
  ['a Transfer-Encoding that nobody knows', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n')],
  ['chunked that is not last', post('Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n')],
  ['chunked twice', post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n')],
  [
    'two Transfer-Encodings',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'),
  ],
  [
    'Transfer-Encoding in HTTP/1.0',
    `POST /health HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
]

describe('what is no proper HTTP is refused as request_malformed, and the connection closed', () => {
  it.each(BROKEN)('%s', async (_name, bytes) => {
    world.upstream.reset()
    const answers = await send(world.gateway.port, bytes, { end: true })
    const [first] = answers
    if (first === undefined) throw new Error('no answer')
    expect({
      ...refusalOf(first),
      answers: answers.length,
      closed: first.closed,
      received: world.upstream.received,
    }).toEqual({ ...refusal('request_malformed'), answers: 1, closed: true, received: '' })
  })

  const HALFWAY: [string, string][] = [
    ['a chunk size that is no number', 'zz\r\nhello\r\n0\r\n\r\n'],
    ['a chunk longer than it said', '3\r\nhello\r\n0\r\n\r\n'],
    ['a chunk size with a sign', '+5\r\nhello\r\n0\r\n\r\n'],
    ['a chunk size with a bare LF', '5\nhello\r\n0\r\n\r\n'],
    ['a chunk size beyond all bounds', 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n'],
  ]

  it.each(HALFWAY)('%s: nothing after it is a request', async (_name, body) => {
    world.upstream.reset()
    const second = request({ target: '/health?second' })
    const bytes = post('Transfer-Encoding: chunked\r\n', body) + second.toString('latin1')
    const answers = await send(world.gateway.port, bytes, { end: true })
    expect(answers.map(codeOf)).toEqual(['request_malformed'])
    expect(world.upstream.requests).toEqual([])
    expect(world.upstream.received).not.toContain('second')
  })
})

const HOSTS: [string, string][] = [
  ['no Host', ''],
  ['two Hosts', `${HOST}Host: other.test\r\n`],
  ['the same Host twice', `${HOST}${HOST}`],
  ['an empty Host', 'Host:\r\n'],
  ['a Host above 255 characters', `Host: ${'h'.repeat(256)}\r\n`],
  ['a Host with a percent-encoding', 'Host: gateway%2etest\r\n'],
  ['a port that is a word', 'Host: gateway.test:http\r\n'],
  ['a port above 65535', 'Host: gateway.test:65536\r\n'],
  ['two ports', 'Host: gateway.test:80:80\r\n'],
  ['a user', 'Host: user@gateway.test\r\n'],
  ['a path', 'Host: gateway.test/x\r\n'],
  ['a query', 'Host: gateway.test?x\r\n'],
  ['a backslash', 'Host: gateway.test\\x\r\n'],
  ['a space', 'Host: gateway test\r\n'],
  ['a list', 'Host: gateway.test, other.test\r\n'],
  ['a quote', 'Host: gateway.test"\r\n'],
  ['a letter beyond ASCII', 'Host: g\xe5teway.test\r\n'],
]

describe('a request has exactly one Host, and that a proper one', () => {
  it.each(HOSTS)('not %s', async (_name, fields) => {
    world.upstream.reset()
    const bytes = `GET /health HTTP/1.1\r\n${fields}\r\n`
    const [answer] = await send(world.gateway.port, bytes)
    if (answer === undefined) throw new Error('no answer')
    expect(refusalOf(answer)).toEqual(refusal('request_malformed'))
    // The head of a POST that another test broke off may still come.
    expect(world.upstream.received).not.toContain('GET ')
  })

  it.each([
    'gateway.test',
    'GATEWAY.test.',
    'gateway.test:80',
    'gateway.test:65535',
    '127.0.0.1:8080',
    '[::1]:8080',
    'h'.repeat(63),
  ])('%s is one', async host => {
    expect((await world.ask({ host, target: '/health' })).status).toBe(200)
  })
})
