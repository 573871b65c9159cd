import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type HeaderList, request, send } from '../support/raw.ts'
import { codeOf, stage } from './stage.ts'

const on = stage({
  limits: { headerTimeout: '500ms', bodyIdle: '500ms', keepAlive: '500ms' },
  dataSources: {
    grades: {
      upstream: { idleTimeout: '500ms', timeout: '3s' },
      routes: { 'ANY /open/**': 'public', 'GET /me': 'authenticated' },
    },
  },
})
const target = '/open/a'
const PATIENCE = { timeout: 8000 }

describe('a slow caller is let go', () => {
  const slowly = async (bytes: Buffer | string) => {
    const began = Date.now()
    const [answer] = await send(on.gateway.port, bytes, PATIENCE)
    const inTime = Date.now() - began < 4000
    return { code: answer && codeOf(answer), closed: answer?.closed, inTime }
  }
  const LATE = { code: 'request_timeout', closed: true, inTime: true }

  test.each([
    ['in the request line', 'GET /open'],
    ['in the headers', 'GET /open/a HTTP/1.1\r\nHost: x\r\nX-A'],
    ['before the last line', 'GET /open/a HTTP/1.1\r\nHost: x\r\n'],
  ])('%s', async (_, bytes) => {
    expect(await slowly(bytes)).toEqual(LATE)
  })

  test('that sends its headers byte by byte', async () => {
    const bytes = [...'GET /open/a HTTP/1.1\r\nHost: x\r\nX-A: aaaaaaaaaaaaaaaaaaaaaaa']
    const [answer] = await send(on.gateway.port, bytes, { ...PATIENCE, pause: 50 })
    expect({ code: answer && codeOf(answer), closed: answer?.closed }).toEqual({
      code: 'request_timeout',
      closed: true,
    })
  })

  test.each([
    ['with a length', [['Content-Length', '100']], 'start'],
    ['in chunks', [['Transfer-Encoding', 'chunked']], '5\r\nstart\r\n'],
    ['before its first byte', [['Content-Length', '100']], ''],
  ] as [string, HeaderList, string][])('in its body %s', async (_, headers, body) => {
    const late = await slowly(request({ method: 'POST', target, headers, body }))
    expect({ ...late, complete: on.upstream.requests.length }).toEqual({ ...LATE, complete: 0 })
  })

  test('but one that goes on sending is not', async () => {
    const head = request({ method: 'POST', target, headers: [['Content-Length', '8']] })
    const answers = await send(on.gateway.port, [head, ...'abcdefgh'], { ...PATIENCE, pause: 150 })
    expect(answers.map(answer => answer.status)).toEqual([200])
  })

  test('that has nothing more to ask', async () => {
    const socket = connect(on.gateway.port, '127.0.0.1')
    const began = Date.now()
    const ended = new Promise(resolve => socket.on('close', resolve))
    socket.resume().write(request({ target }))
    await ended
    expect(Date.now() - began).toBeLessThan(4000)
  })
})

describe('a slow upstream', () => {
  test('that says nothing is 504', async () => {
    on.upstream.answer = () => undefined
    const { answer } = await on.exchange({ method: 'POST', target }, PATIENCE)
    expect([answer.status, codeOf(answer)]).toEqual([504, 'upstream_timeout'])
  })

  test('that goes on sending is waited for', async () => {
    on.upstream.answer = async (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
      for (const byte of 'hello') {
        await sleep(200)
        socket.write(byte)
      }
      return undefined
    }
    const { answer } = await on.exchange({ target }, PATIENCE)
    expect([answer.body, answer.complete]).toEqual(['hello', true])
  })
})
