import { describe, expect, test } from 'vitest'
import { codeOf, stage } from '../contract/stage.ts'
import { type HeaderList, request, send, valuesOf } from '../support/raw.ts'

const on = stage({
  limits: { requestTimeout: '2s', bodyIdle: '5s', connectionRequests: 3 },
  dataSources: { grades: { routes: { 'ANY /open/**': 'public' } } },
})
const target = '/open/a'

describe('limits.requestTimeout: a whole request has a time to arrive', () => {
  const slowly = async (headers: HeaderList, pieces: readonly string[], pause: number) => {
    on.upstream.requests.length = 0
    const head = request({ method: 'POST', target, headers })
    const [answer] = await send(on.gateway.port, [head, ...pieces], { pause, timeout: 15_000 })
    const arrived = on.upstream.requests.length
    return { status: answer?.status, code: answer && codeOf(answer), arrived }
  }
  const KINDS: [string, HeaderList, (text: string) => string[]][] = [
    ['of a declared length', [['Content-Length', '20']], text => [...text]],
    [
      'in chunks',
      [['Transfer-Encoding', 'chunked']],
      text => [...[...text].map(byte => `1\r\n${byte}\r\n`), '0\r\n\r\n'],
    ],
  ]

  test.each(KINDS)('a body %s that never pauses for long is refused then', async (...kind) => {
    const [, headers, pieces] = kind
    expect(await slowly(headers, pieces('abcdefghijklmnopqrst'), 200)).toEqual({
      status: 408,
      code: 'request_timeout',
      arrived: 0,
    })
  })

  test.each(KINDS)('a body %s that arrives in time is passed on', async (...kind) => {
    const [, headers, pieces] = kind
    expect(await slowly(headers, pieces('abcdefghijklmnopqrst'), 5)).toEqual({
      status: 200,
      code: undefined,
      arrived: 1,
    })
  })

  test('the time that the answer takes does not count', async () => {
    on.upstream.answer = (_request, socket) => {
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'), 2500)
      return undefined
    }
    const headers: HeaderList = [['Content-Length', '5']]
    const { answer } = await on.exchange({ method: 'POST', target, headers, body: 'hello' })
    expect(answer.status).toBe(200)
  })
})

describe('limits.connectionRequests: a connection has an end', () => {
  const closing = (answers: Awaited<ReturnType<typeof send>>) =>
    answers.map(answer => [answer.status, valuesOf(answer, 'connection').join(), answer.closed])

  test('the answer to the last request says so, and the connection closes behind it', async () => {
    const bytes = [1, 2, 3].map(() => request({ target }))
    const answers = await send(on.gateway.port, bytes, { answers: 3 })
    expect(closing(answers)).toEqual([
      [200, 'keep-alive', false],
      [200, 'keep-alive', false],
      [200, 'close', true],
    ])
  })

  test('refused requests count as well', async () => {
    const bytes = [request({ target: '/nowhere' }), request({ target }), request({ target: '/no' })]
    const answers = await send(on.gateway.port, bytes, { answers: 3 })
    expect(closing(answers)).toEqual([
      [404, 'keep-alive', false],
      [200, 'keep-alive', false],
      [404, 'close', true],
    ])
  })

  test('what was sent behind the last one is neither answered nor passed on', async () => {
    on.upstream.requests.length = 0
    const bytes = ['1', '2', '3', '4', '5'].map(name => request({ target: `/open/${name}` }))
    const answers = await send(on.gateway.port, Buffer.concat(bytes), { answers: 3, settle: 300 })
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(on.upstream.requests.map(({ target: seen }) => seen)).toEqual([
      '/open/1',
      '/open/2',
      '/open/3',
    ])
  })
})
