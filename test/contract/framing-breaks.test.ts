import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type HeaderList, request, send } from '../support/raw.ts'
import { reply, type UpstreamConnection } from '../support/upstream.ts'
import { stage } from './stage.ts'

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

/** Waits until something is so; the test fails with the last look when it never is. */
async function eventually<T>(look: () => T, wanted: T, timeout = 4000): Promise<void> {
  const deadline = Date.now() + timeout
  while (look() !== wanted && Date.now() < deadline) await sleep(10)
  expect(look()).toEqual(wanted)
}

const holding = (part: string): UpstreamConnection | undefined =>
  on.upstream.connections.find(connection => connection.text.includes(part))

describe('an upstream that breaks off in mid-body is visible to the caller', () => {
  const PARTS: [string, string][] = [
    ['of a declared length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n'],
    ['in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nonly this'],
    ['before the last chunk ends', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n'],
  ]

  test.each(PARTS)('%s, by closing', async (_, bytes) => {
    on.upstream.answer = (_request, socket) => void socket.end(bytes)
    const [answer] = await send(on.gateway.port, request({ target }), PATIENCE)
    expect({ complete: answer?.complete ?? false }).toEqual({ complete: false })
  })

  test.each(PARTS)('%s, by a reset', async (_, bytes) => {
    on.upstream.answer = async (_request, socket) => {
      socket.write(bytes)
      await sleep(50)
      socket.resetAndDestroy()
      return undefined
    }
    const [answer] = await send(on.gateway.port, request({ target }), PATIENCE)
    expect({ complete: answer?.complete ?? false }).toEqual({ complete: false })
  })

  test('by falling silent', async () => {
    on.upstream.answer = (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this')
      return undefined
    }
    const [answer] = await send(on.gateway.port, request({ target }), PATIENCE)
    expect([answer?.status, answer?.complete, answer?.closed]).toEqual([200, false, true])
  })

  test('while a body that ends with the connection is whole', async () => {
    on.upstream.answer = (_request, socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nall of it')
    const { answer } = await on.exchange({ target })
    expect([answer.body, answer.complete]).toEqual(['all of it', true])
  })

  test('and the connection of the caller is not used again', async () => {
    on.upstream.answer = (_request, socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this')
      return undefined
    }
    const bytes = Buffer.concat([request({ target }), request({ target: '/open/b' })])
    const answers = await send(on.gateway.port, bytes, PATIENCE)
    expect(answers.length).toBe(1)
  })
})

describe('a caller that goes away', () => {
  test('while it waits ends the request at the upstream', async () => {
    on.upstream.answer = () => undefined
    const socket = connect(on.gateway.port, '127.0.0.1')
    socket.write(request({ target: '/open/waiting' }))
    await eventually(() => holding('/open/waiting') !== undefined, true)
    socket.destroy()
    await eventually(() => holding('/open/waiting')?.closed, true)
  })

  test('in mid-answer ends the request at the upstream', async () => {
    on.upstream.answer = (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nstart')
      return undefined
    }
    const socket = connect(on.gateway.port, '127.0.0.1')
    socket.write(request({ target: '/open/reading' }))
    await new Promise(resolve => socket.once('data', resolve))
    socket.destroy()
    await eventually(() => holding('/open/reading')?.closed, true)
  })

  const BODIES: [string, HeaderList, string][] = [
    ['with a length', [['Content-Length', '100']], 'only this'],
    ['in chunks', [['Transfer-Encoding', 'chunked']], '9\r\nonly this\r\n'],
  ]
  const WAYS: [string, (socket: Socket) => void][] = [
    ['closing', socket => void socket.destroy()],
    ['a reset', socket => void socket.resetAndDestroy()],
    ['sending no more', socket => void socket.end()],
  ]
  const rows = BODIES.flatMap(body => WAYS.map(way => [...way, ...body] as const))

  test.each(rows)(
    'in mid-body by %s leaves no complete request at the upstream',
    async (...row) => {
      const [, leave, , headers, body] = row
      const path = '/open/uploading'
      const before = on.upstream.connections.length
      const socket = connect(on.gateway.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(request({ method: 'POST', target: path, headers, body }))
      await sleep(100)
      leave(socket)
      await sleep(200)
      const opened = on.upstream.connections.slice(before).filter(c => c.text.includes(path))
      expect({
        complete: on.upstream.requests.length,
        open: opened.filter(connection => !connection.closed).length,
      }).toEqual({ complete: 0, open: 0 })
    },
  )
})

describe('an early answer', () => {
  test('reaches the caller before its body is done', async () => {
    on.upstream.onHead = (_request, socket) => {
      socket.end(reply({ status: 413, headers: { Connection: 'close' }, body: 'too much' }))
    }
    const headers: HeaderList = [['Content-Length', '1000000']]
    const bytes = request({ method: 'POST', target, headers, body: 'x'.repeat(1000) })
    const [answer] = await send(on.gateway.port, bytes, PATIENCE)
    expect([answer?.status, answer?.body]).toEqual([413, 'too much'])
  })

  test('does not make a request of the rest of the body', async () => {
    on.upstream.onHead = (_request, socket) => {
      socket.write(reply({ status: 200, body: 'early' }))
    }
    on.upstream.answer = () => undefined
    const inner = request({ target: '/open/smuggled' })
    const headers: HeaderList = [['Content-Length', String(5 + inner.length)]]
    const head = request({ method: 'POST', target, headers, body: 'start' })
    await send(on.gateway.port, [head, inner], { ...PATIENCE, pause: 200, settle: 400 })
    expect(on.upstream.requests.map(seen => seen.target)).not.toContain('/open/smuggled')
  })
})
