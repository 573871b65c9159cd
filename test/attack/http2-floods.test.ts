import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import {
  block,
  CONTINUATION,
  code,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  get,
  HEADERS,
  headers,
  openRaw,
  PING,
  PREFACE,
  PRIORITY,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from '../edge/frames.ts'
import { ask, connectionsOn, tlsWorld, until } from '../edge/support.ts'
import { count } from '../life/support.ts'

/** Frames by the thousand on one session (CVE-2023-44487, CVE-2024-27316, CVE-2025-8671, CVE-2019-95xx). */

const world = tlsWorld({
  log: { level: 'error' },
  limits: { headerTimeout: '3s' },
  dataSources: { grades: { routes: { 'ANY /open/**': 'public' } } },
})
const residentMiB = () => {
  const status = readFileSync(`/proc/${world().gateway.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}
const connections = () => connectionsOn(world().gateway.port)
const inFlight = () => count(world().gateway, 'feide_gateway_in_flight_requests')
/** Those in use; one may be kept for the next request. */
const upstreams = () => world().upstream.connections.filter(({ closed }) => !closed).length

/** Whatever was sent: the gateway serves others, and nothing is left of it. */
afterEach(async () => {
  world().upstream.reset()
  expect((await ask('HTTP/2', world().gateway.port, { path: '/open/a' })).status).toBe(200)
  expect(await until(async () => (await inFlight()) === 0)).toBe(true)
})

type Make = (i: number) => Buffer

/** Sends that many frames, or as many as are taken; how the memory grew, in MiB. */
async function flood(total: number, make: Make, patience: number) {
  world().upstream.answer = () => undefined
  const before = residentMiB()
  const session = await openRaw(world().gateway.port)
  let peak = before
  for (let i = 0; i < total && !session.closed; i += 100) {
    session.write(...Array.from({ length: 100 }, (_, j) => make(i + j)))
    if (i % 1000 !== 0) continue
    await sleep(1)
    peak = Math.max(peak, residentMiB())
  }
  await session.until(() => session.closed, patience)
  const grown = Math.max(peak, residentMiB()) - before
  const { closed } = session
  session.destroy()
  return { closed, grown }
}

const id = (i: number) => 1 + 2 * i
const post = [[':method', 'POST'], ...get('/open/a').slice(1)] as const
const LETTERS = Buffer.alloc(4000, 'a')
/** A name of 4000 letters goes into the table once; each byte after that is another one. */
const BOMB = Buffer.concat([
  block(get('/open/a')),
  Buffer.from([0x40, 1, 0x62, 0x7f, 0xa1, 0x1e]),
  LETTERS,
  Buffer.alloc(12_000, 0xbe),
])

describe('a session is let go that sends', () => {
  test.each<[string, number, Make]>([
    [
      '10,000 requests that it resets at once',
      10_000,
      i => Buffer.concat([headers(id(i), get('/open/a')), frame(RST_STREAM, 0, id(i), code(8))]),
    ],
    [
      '10,000 requests that it has the gateway reset',
      10_000,
      i => Buffer.concat([headers(id(i), get('/open/a')), frame(WINDOW_UPDATE, 0, id(i), code(0))]),
    ],
    [
      '10,000 malformed requests',
      10_000,
      i => headers(id(i), get('/open/a', [['connection', 'close']])),
    ],
    ['10,000 requests at once', 10_000, i => headers(id(i), post, 0)],
    [
      '10,000 CONTINUATION frames',
      10_000,
      i =>
        i === 0
          ? frame(HEADERS, END_STREAM, 1, block(get('/open/a')))
          : frame(CONTINUATION, 0, 1, block([['x', 'y']])),
    ],
    [
      '10,000 empty CONTINUATION frames',
      10_000,
      i =>
        i === 0 ? frame(HEADERS, END_STREAM, 1, block(get('/open/a'))) : frame(CONTINUATION, 0, 1),
    ],
    [
      '100,000 empty frames of a body',
      100_000,
      i => (i === 0 ? headers(1, post, 0) : frame(DATA, 0, 1)),
    ],
    ['headers that unfold', 100, i => frame(HEADERS, END_STREAM | END_HEADERS, id(i), BOMB)],
  ])(
    '%s',
    async (_, total, make) => {
      const { closed, grown } = await flood(total, make, 15_000)
      expect({ closed, isFlat: grown < 60 }).toEqual({ closed: true, isFlat: true })
      expect(await until(() => upstreams() <= 1)).toBe(true)
    },
    40_000,
  )
})

describe('memory stays flat under', () => {
  test.each<[string, Make]>([
    ['PING', () => frame(PING, 0, 0, Buffer.alloc(8))],
    ['SETTINGS', () => frame(SETTINGS, 0, 0)],
    ['PRIORITY', i => frame(PRIORITY, 0, id(i), Buffer.from([0, 0, 0, 0, 5]))],
    ['WINDOW_UPDATE', () => frame(WINDOW_UPDATE, 0, 0, code(1))],
    ['frames of an unknown kind', () => frame(77, 0, 0, Buffer.alloc(8))],
  ])('100,000 %s', async (_, make) => {
    const { grown } = await flood(100_000, make, 1_500)
    expect(grown).toBeLessThan(60)
  })

  test('answers that are asked for, and not read', async () => {
    world().upstream.answer = () =>
      Buffer.concat([
        Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n'),
        Buffer.alloc(4_000_000),
      ])
    const before = residentMiB()
    const session = await openRaw(world().gateway.port)
    session.write(...Array.from({ length: 100 }, (_, i) => headers(id(i), get('/open/a'))))
    await sleep(1_000)
    const grown = residentMiB() - before
    session.destroy()
    expect(grown).toBeLessThan(150)
    expect(await until(() => upstreams() <= 1)).toBe(true)
  })
})

test('resets in small numbers are nobody’s fault', async () => {
  world().upstream.answer = () => undefined
  const session = await openRaw(world().gateway.port)
  for (let i = 0; i < 150; i++) {
    session.write(headers(id(i), get('/open/a')))
    session.write(frame(RST_STREAM, 0, id(i), code(8)))
  }
  await sleep(200)
  world().upstream.reset()
  session.write(headers(id(150), get('/open/a')))
  expect((await session.endOf(id(150))).status).toBe(200)
  session.destroy()
})

test('100 sessions that dribble their first frames are let go, and leave nothing', async () => {
  const before = connections()
  const sessions = await Promise.all(
    Array.from({ length: 100 }, () => openRaw(world().gateway.port, PREFACE.subarray(0, 10))),
  )
  const dribble = setInterval(() => {
    for (const { socket } of sessions) if (socket.writable) socket.write(Buffer.from(' '))
  }, 100)
  const gone = await until(() => sessions.every(({ closed }) => closed), 10_000)
  clearInterval(dribble)
  for (const session of sessions) session.destroy()
  expect(gone).toBe(true)
  expect(await until(() => connections() <= before)).toBe(true)
})

test('headers that come byte by byte do not keep a session', async () => {
  const session = await openRaw(world().gateway.port)
  const bytes = headers(1, get('/open/a', [['x-a', 'b'.repeat(2000)]]))
  for (let i = 0; i < bytes.length && !session.closed; i++, await sleep(20)) {
    session.write(bytes.subarray(i, i + 1))
  }
  session.destroy()
  expect({ closed: session.closed }).toEqual({ closed: true })
})
