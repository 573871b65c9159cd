import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { chunked, type HeaderList, request, send } from '../support/raw.ts'
import { reply } from '../support/upstream.ts'
import { codeOf, stage } from './stage.ts'

const MIB = 1024 * 1024
const LIMIT = 64 * 1024
const on = stage(({ url }) => ({
  dataSources: {
    grades: { maxBody: 'none', routes: { 'ANY /open/**': 'public' } },
    small: source(url, 'small', { maxBody: '64KiB' }),
    usual: source(url, 'usual', {}),
  },
}))

function source(url: string, id: string, more: object) {
  return {
    audience: `https://n.feide.no/datasources/${id}`,
    hosts: [id],
    upstream: { url },
    routes: { 'ANY /open/**': 'public' },
    ...more,
  }
}
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const post = (headers: HeaderList, body: Buffer | string = '', host = 'small') =>
  request({
    method: 'POST',
    target: '/open/a',
    host,
    headers: [...headers, ['Connection', 'close']],
    body,
  })
const lengthOf = (bytes: Buffer): HeaderList => [['Content-Length', String(bytes.length)]]
const CHUNKED: HeaderList = [['Transfer-Encoding', 'chunked']]
const bytesAtUpstream = () =>
  on.upstream.connections.reduce((sum, connection) => sum + connection.text.length, 0)

describe('a body beyond maxBody', () => {
  const refusal = async (bytes: Buffer | Buffer[]) => {
    const before = bytesAtUpstream()
    const answers = await send(on.gateway.port, bytes, { settle: 50, pause: 5 })
    const [answer] = answers
    return {
      code: answer && codeOf(answer),
      status: answer?.status,
      complete: on.upstream.requests.length,
      beyond: bytesAtUpstream() - before > LIMIT + 2048,
    }
  }
  const REFUSED = { code: 'body_too_large', status: 413, complete: 0, beyond: false }

  test.each([LIMIT + 1, MIB, 2 ** 40])('is refused when %d bytes are declared', async size => {
    const before = bytesAtUpstream()
    expect(await refusal(post([['Content-Length', String(size)]]))).toEqual(REFUSED)
    expect(bytesAtUpstream()).toBe(before)
  })

  test('is refused when it is declared and sent', async () => {
    const body = randomBytes(LIMIT + 1)
    expect(await refusal(post(lengthOf(body), body))).toEqual(REFUSED)
  })

  test.each([
    ['one byte more, in one chunk', [LIMIT + 1]],
    ['one byte more, in two chunks', [LIMIT, 1]],
    ['much more, in one chunk', [4 * LIMIT]],
    ['much more, in many chunks', Array.from({ length: 64 }, () => 4096)],
  ])('is refused when it is streamed: %s', async (_, sizes) => {
    const pieces = sizes.map(size => chunked(randomBytes(size)).subarray(0, -5))
    const bytes = [post(CHUNKED), ...pieces, Buffer.from('0\r\n\r\n')]
    expect(await refusal(bytes)).toEqual(REFUSED)
  })

  test.each(['GET', 'DELETE', 'OPTIONS'])('is refused with %s too', async method => {
    const headers: HeaderList = [['Content-Length', String(LIMIT + 1)]]
    expect(await refusal(request({ method, target: '/open/a', host: 'small', headers }))).toEqual(
      REFUSED,
    )
  })

  test('is counted without the framing of its chunks', async () => {
    const one = chunked('x').subarray(0, -5)
    const body = Buffer.concat([...Array.from({ length: LIMIT / 4 }, () => one), chunked()])
    await send(on.gateway.port, post(CHUNKED, body))
    expect(on.upstream.requests.map(seen => seen.body.length)).toEqual([LIMIT / 4])
  })
})

describe('a body within maxBody', () => {
  test.each([
    ['exactly, with a length', LIMIT, lengthOf],
    ['exactly, in chunks', LIMIT, () => CHUNKED],
    ['one byte less', LIMIT - 1, lengthOf],
    ['nothing', 0, lengthOf],
  ] as [string, number, (bytes: Buffer) => HeaderList][])('%s', async (_, size, headers) => {
    const body = randomBytes(size)
    const framed = headers(body) === CHUNKED ? chunked(body) : body
    const [answer] = await send(on.gateway.port, post(headers(body), framed))
    expect({
      status: answer?.status,
      bodies: on.upstream.requests.map(seen => sha256(seen.body)),
    }).toEqual({ status: 200, bodies: [sha256(body)] })
  })

  test.each([
    ['usual', 10 * MIB, 200],
    ['usual', 10 * MIB + 1, 413],
    ['none', 12 * MIB, 200],
  ])('%s: %d bytes are %d', async (host, size, status) => {
    const body = Buffer.alloc(size, 'abcdefg')
    const [answer] = await send(on.gateway.port, post(lengthOf(body), body, host), {
      timeout: 15_000,
    })
    expect(answer?.status).toBe(status)
  })
})

describe('large bodies arrive whole', () => {
  const large = randomBytes(6 * MIB + 17)

  test.each([
    ['with a length', lengthOf(large), large],
    ['in one chunk', CHUNKED, chunked(large)],
    [
      'in many chunks',
      CHUNKED,
      chunked(
        ...Array.from({ length: 97 }, (_, i) => large.subarray(i * 64_877, (i + 1) * 64_877)),
      ),
    ],
  ] as [string, HeaderList, Buffer][])('to the upstream, %s', async (_, headers, body) => {
    await send(on.gateway.port, post(headers, body, 'none'), { timeout: 15_000 })
    expect(on.upstream.requests.map(seen => sha256(seen.body))).toEqual([sha256(large)])
  })

  test.each([
    ['with a length', () => reply({ body: large })],
    [
      'in one chunk',
      () =>
        Buffer.concat([
          Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
          chunked(large),
        ]),
    ],
    [
      'until the end of the connection',
      () => Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'), large]),
    ],
  ])('to the caller, %s', async (_, answer) => {
    on.upstream.answer = answer
    const response = await on.gateway.fetch('/open/a')
    expect(sha256(await response.bytes())).toBe(sha256(large))
  })

  test('in both ways at once', async () => {
    on.upstream.answer = seen => reply({ body: seen.body })
    const echoed = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const response = await on.gateway.fetch('/open/echo', { method: 'POST', body: large })
        return sha256(await response.bytes())
      }),
    )
    expect(echoed).toEqual(Array(4).fill(sha256(large)))
  })
})
