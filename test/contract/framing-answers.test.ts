import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { request } from '../support/raw.ts'
import { reply } from '../support/upstream.ts'
import { stage } from './stage.ts'

const on = stage({
  dataSources: { grades: { routes: { 'ANY /health': 'public', 'GET /me': 'authenticated' } } },
})
const target = '/health'

describe('an answer that is none', () => {
  test.each([
    ['garbage', 'hello\r\n\r\n'],
    ['a status without digits', 'HTTP/1.1 abc OK\r\n\r\n'],
    ['status 000', 'HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n'],
    ['status 099', 'HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a header without a name', 'HTTP/1.1 200 OK\r\n: v\r\nContent-Length: 0\r\n\r\n'],
    ['a NUL in a header', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n'],
    [
      'a bare CR in a header',
      'HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n',
    ],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n'],
    [
      'an unasked 101',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n',
    ],
    ['nothing at all', ''],
  ])('%s is 502', async (_, bytes) => {
    on.upstream.answer = (_request, socket) => void socket.end(bytes)
    const outcome = await on.outcome({ method: 'POST', target })
    expect(outcome).toEqual({ status: 502, code: 'upstream_unavailable', sent: ['POST /health'] })
  })

  test('a control character in the reason phrase is not passed on', async () => {
    on.upstream.answer = () => 'HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nok'
    const { answer } = await on.exchange({ method: 'POST', target })
    expect({
      known: [200, 502].includes(answer.status),
      control: answer.raw.includes('\x01'),
    }).toEqual({ known: true, control: false })
  })

  test('the next request is served', async () => {
    on.upstream.answer = (_request, socket) => void socket.destroy()
    await on.exchange({ method: 'POST', target })
    on.upstream.answer = () => reply({ body: 'ok' })
    expect((await on.exchange({ target })).answer.status).toBe(200)
  })
})

describe('what nobody asked for is not the next answer', () => {
  const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'

  test.each([
    ['a second answer', 'GET', `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${POISON}`],
    [
      'the body of an answer to HEAD',
      'HEAD',
      `HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n${POISON}`,
    ],
    ['the body of a 204', 'GET', `HTTP/1.1 204 No Content\r\nContent-Length: 45\r\n\r\n${POISON}`],
    [
      'the body of a 304',
      'GET',
      `HTTP/1.1 304 Not Modified\r\nContent-Length: 45\r\n\r\n${POISON}`,
    ],
    [
      'what follows a chunked body with a length',
      'GET',
      `HTTP/1.1 200 OK\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${POISON}`,
    ],
  ])('%s', async (_, method, bytes) => {
    on.upstream.answer = () => bytes
    const bodies: string[] = []
    for (let count = 0; count < 5; count += 1) {
      bodies.push((await on.exchange({ method, target })).answer.body)
      on.upstream.answer = () => reply({ body: 'own' })
      bodies.push((await on.exchange({ target })).answer.body)
      on.upstream.answer = () => bytes
    }
    expect(bodies.filter(body => body.includes('poison'))).toEqual([])
  })
})

describe('informational answers', () => {
  test.each([
    ['103', 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n'],
    ['several', 'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'],
  ])('%s before the answer do not take its place', async (_, bytes) => {
    on.upstream.answer = (_request, socket) => {
      socket.write(bytes)
      socket.write(reply({ body: 'ok' }))
      return undefined
    }
    const { answer } = await on.exchange({ target })
    expect([answer.status, answer.body]).toEqual([200, 'ok'])
  })

  test('an unasked 100 Continue does neither', async () => {
    on.upstream.answer = () =>
      Buffer.concat([Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'), reply({ body: 'ok' })])
    const { answer } = await on.exchange({ target })
    const next = await on.exchange({ target })
    expect([answer.status, answer.body, next.answer.status]).toEqual([200, 'ok', 200])
  })
})

test('a head is passed on, byte for byte, though nothing of its body has come', async () => {
  on.upstream.answer = (_request, socket) => {
    const head =
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Latin1: bl\xe5b\xe6r\r\n\r\n'
    socket.write(head, 'latin1')
    return undefined
  }
  const socket = connect(on.gateway.port, '127.0.0.1')
  socket.write(request({ target }))
  const [bytes] = await once(socket, 'data')
  socket.destroy()
  expect(bytes.toString('latin1')).toMatch(
    /^HTTP\/1\.1 200 OK\r\n.*\r\nX-Latin1: bl\xe5b\xe6r\r\n/s,
  )
})
