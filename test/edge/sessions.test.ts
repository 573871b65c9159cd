import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { count, holdAnswers } from '../life/support.ts'
import { reply } from '../support/upstream.ts'
import {
  code,
  DATA,
  END_STREAM,
  frame,
  GOAWAY,
  get,
  headers,
  INTERNAL_ERROR,
  NO_ERROR,
  openRaw,
  PREFACE,
  type RawSession,
  SETTINGS,
  WINDOW_UPDATE,
} from './frames.ts'
import { connectionsOn, tlsWorld, until } from './support.ts'

/** How long an HTTP/2 session lives. */

const world = tlsWorld({
  limits: { headerTimeout: '3s', keepAlive: '2s', connectionRequests: 3 },
  dataSources: {
    grades: { upstream: { idleTimeout: '15s' }, routes: { 'ANY /open/**': 'public' } },
  },
})
const raw = (first?: Buffer) => openRaw(world().gateway.port, first)
const connections = () => connectionsOn(world().gateway.port)

/** How a session was let go: the code of GOAWAY, and the last stream that was served. */
function farewell({ frames }: RawSession) {
  const goaway = frames.find(({ type }) => type === GOAWAY)?.payload
  return goaway && { code: goaway.readUInt32BE(4), last: goaway.readUInt32BE(0) }
}

describe('a session', () => {
  test('that asks nothing is let go', async () => {
    const session = await raw()
    expect(await session.until(() => session.closed)).toBe(true)
    expect(farewell(session)).toEqual({ code: NO_ERROR, last: 0 })
  })

  test('that does not even begin is let go', async () => {
    const session = await raw(Buffer.from('PRI * HTTP/2.0\r\n'))
    expect(await session.until(() => session.closed)).toBe(true)
    session.destroy()
  })

  test('whose headers never end is let go', async () => {
    const session = await raw(Buffer.concat([PREFACE, frame(1, END_STREAM, 1, Buffer.from([0]))]))
    expect(await session.until(() => session.closed)).toBe(true)
    session.destroy()
  })

  test('that has been idle for limits.keepAlive is let go', async () => {
    const session = await raw()
    session.write(headers(1, get('/open/a')))
    expect((await session.endOf(1)).status).toBe(200)
    await sleep(1_200)
    session.write(headers(3, get('/open/b')))
    expect((await session.endOf(3)).status).toBe(200)
    await sleep(1_200)
    expect(session.closed).toBe(false)
    expect(await session.until(() => session.closed)).toBe(true)
    expect(farewell(session)).toEqual({ code: NO_ERROR, last: 3 })
  })

  test('with an answer under way is kept, however long that takes', async () => {
    let finish = () => {}
    world().upstream.answer = (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegin')
      finish = () => void socket.write(' end')
      return undefined
    }
    const session = await raw()
    session.write(headers(1, get('/open/events')))
    await sleep(7_000)
    expect(session.closed).toBe(false)
    finish()
    expect(await session.endOf(1)).toEqual({
      status: 200,
      body: 'begin end',
      ended: true,
      reset: undefined,
    })
    session.destroy()
  })

  test('whose caller has gone without a word is let go, and its request with it', async () => {
    world().upstream.answer = () => undefined
    const session = await openRaw(world().gateway.port, PREFACE, false)
    session.write(headers(1, get('/open/events')))
    expect(await session.until(() => session.closed)).toBe(true)
    const open = () => world().upstream.connections.filter(({ closed }) => !closed).length
    expect(await until(() => open() === 0)).toBe(true)
  })

  test('has limits.connectionRequests; what comes behind them is not served', async () => {
    const session = await raw()
    session.write(headers(1, get('/open/1')), headers(3, get('/open/2')))
    await session.endOf(3)
    session.write(headers(5, get('/open/3')))
    expect((await session.endOf(5)).status).toBe(200)
    session.write(headers(7, get('/open/4')))
    expect(await session.until(() => session.closed)).toBe(true)
    expect(farewell(session)).toEqual({ code: NO_ERROR, last: 5 })
    expect(
      world()
        .upstream.requests.map(({ target }) => target)
        .sort(),
    ).toEqual(['/open/1', '/open/2', '/open/3'])
  })

  test.each<[string, Buffer]>([
    ['a frame that is none', frame(DATA, 8, 1, Buffer.from([9, 1]))],
    ['a window of nothing', frame(WINDOW_UPDATE, 0, 0, code(0))],
    ['another goodbye', frame(GOAWAY, 0, 0, Buffer.concat([code(0), code(INTERNAL_ERROR)]))],
  ])('that says goodbye and then sends %s leaves nothing behind', async (_, bad) => {
    const before = connections()
    const held = holdAnswers(world().upstream)
    const session = await raw()
    session.write(headers(1, get('/open/a')))
    expect(await until(() => world().upstream.requests.length === 1)).toBe(true)
    session.write(frame(GOAWAY, 0, 0, Buffer.concat([code(0), code(NO_ERROR)])))
    await sleep(100)
    session.write(bad)
    await sleep(100)
    session.destroy()
    held.letGo()
    expect(await until(() => connections() === before)).toBe(true)
    const inFlight = () => count(world().gateway, 'feide_gateway_in_flight_requests')
    expect(await until(async () => (await inFlight()) === 0)).toBe(true)
  })

  test('that its caller does not close leaves no connection behind', async () => {
    const before = connections()
    const { socket, ...session } = await raw()
    // The other side of a connection closes by itself only where it is read.
    session.write(headers(1, get('/open/a')))
    expect((await session.endOf(1)).status).toBe(200)
    socket.pause()
    expect(connections()).toBe(before + 1)
    expect(await until(() => connections() === before)).toBe(true)
    socket.destroy()
  })
})

describe('an answer that comes before the end of the request', () => {
  const post = (path: string) => headers(1, [[':method', 'POST'], ...get(path).slice(1)], 0)
  test.each([
    ['a refusal', '/nowhere', 404],
    ['of the upstream', '/open/a', 200],
  ])('%s: the caller is told to keep the rest', async (_, path, status) => {
    world().upstream.onHead = (_request, socket) => void socket.write(reply({ body: 'early' }))
    world().upstream.answer = () => undefined
    const session = await raw()
    session.write(post(path), frame(DATA, 0, 1, Buffer.from('start')))
    expect(await session.until(() => session.streamEnd(1).reset !== undefined)).toBe(true)
    const end = session.streamEnd(1)
    expect({ ...end, body: end.body !== '' }).toEqual({
      status,
      body: true,
      ended: true,
      reset: NO_ERROR,
    })
    session.destroy()
  })
})

test('what a 205 has of a body is left out, and its stream ends', async () => {
  world().upstream.answer = () => reply({ status: 205, body: 'none of it' })
  const session = await raw()
  session.write(headers(1, get('/open/a')))
  expect(await session.endOf(1)).toEqual({ status: 205, body: '', ended: true, reset: undefined })
  session.destroy()
})

test('a status that HTTP/2 does not know is 502', async () => {
  world().upstream.answer = () => 'HTTP/1.1 777 Hm\r\nContent-Length: 0\r\n\r\n'
  const session = await raw()
  session.write(headers(1, get('/open/a')))
  expect((await session.endOf(1)).status).toBe(502)
  session.destroy()
})

describe('a caller that does not read', () => {
  /** Takes no byte of an answer's body: INITIAL_WINDOW_SIZE 0. */
  const NOTHING = Buffer.concat([
    PREFACE.subarray(0, 24),
    frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])),
  ])

  test('what is left of an answer is reset', async () => {
    const session = await raw(NOTHING)
    session.write(headers(1, get('/open/a')))
    const { status, reset } = await session.endOf(1)
    expect({ status, reset }).toEqual({ status: 200, reset: INTERNAL_ERROR })
    expect(await session.until(() => session.closed)).toBe(true)
  })

  test('a refusal is reset', async () => {
    const session = await raw(NOTHING)
    session.write(headers(1, get('/nowhere')))
    const { status, reset } = await session.endOf(1)
    expect({ status, reset }).toEqual({ status: 404, reset: INTERNAL_ERROR })
    session.destroy()
  })

  test('but one that reads slowly gets all of it', async () => {
    world().upstream.answer = () => reply({ body: 'abcdefgh' })
    const session = await raw(NOTHING)
    session.write(headers(1, get('/open/a')))
    for (let i = 0; i < 4; i++, await sleep(50)) {
      session.write(frame(WINDOW_UPDATE, 0, 1, code(2)))
    }
    expect(await session.endOf(1)).toEqual({
      status: 200,
      body: 'abcdefgh',
      ended: true,
      reset: undefined,
    })
    session.destroy()
  })
})
