import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { makeAuthority } from '../support/certificates.ts'
import { request } from '../support/raw.ts'
import { freePort, waitUntil } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { told } from './between.ts'
import {
  accepts,
  type Caller,
  call,
  type Place,
  startBlackHole,
  startPlace,
  untilIdle,
  WEBSOCKET,
} from './support.ts'

/** WebSockets: to an origin that is there, with all that was said, and ended on both sides. */

const authority = makeAuthority()
let place: Place
let plain: Upstream
let secure: Upstream
let hole: { port: number; stop(): void }
let dead: string
beforeAll(async () => {
  const { certText: cert, keyText: key } = authority.issue()
  secure = await startUpstream({ tls: { cert, key } })
  hole = await startBlackHole()
  dead = `http://127.0.0.1:${await freePort()}`
  place = await startPlace(
    ([only]) => ({
      plain: { upstream: { url: only?.url } },
      patient: { upstream: { url: only?.url, connectTimeout: '1s' } },
      secure: { upstream: { url: secure.url, tls: { ca: authority.ca } } },
      next: { upstream: { urls: [dead, only?.url] } },
      late: {
        upstream: { urls: [`http://127.0.0.1:${hole.port}`, only?.url], connectTimeout: '1s' },
      },
      none: { upstream: { urls: [dead, `${dead}/other`] } },
    }),
    { more: { limits: { drain: '1s' } } },
  )
  plain = place.origins[0] as Upstream
})
beforeEach(async () => {
  for (const upstream of [plain, secure]) {
    upstream.cut()
    await waitUntil(() => upstream.open === 0, 'not cut')
    upstream.reset()
    upstream.answer = accepts
  }
})
afterAll(async () => {
  await place?.stop()
  await secure?.close()
  hole?.stop()
  authority.remove()
})

const opening = (source: string) =>
  request({ host: `${source}.test`, target: '/open/ws', headers: WEBSOCKET })
const open = (source: string, early = '') =>
  call(place.gateway.port, Buffer.concat([opening(source), Buffer.from(early)]))
/** What the upstream got behind the handshakes. */
const tunnelled = (upstream: Upstream) =>
  upstream.connections.map(({ text }) => text.slice(text.indexOf('\r\n\r\n') + 4)).join('|')

describe('a WebSocket goes on to the next origin', () => {
  test.each([
    ['where nobody listens', 'next', () => dead],
    ['where no connection comes about', 'late', () => `http://127.0.0.1:${hole.port}`],
  ])('%s, with what was said behind it, once', async (_, source, url) => {
    for (let i = 0; i < 4; i++) {
      const one = open(source, `early-${i};`)
      await one.until(`101`)
      one.socket.write('later')
      await one.until(`early-${i};later`)
      one.socket.destroy()
    }
    await untilIdle(place, source)
    expect(tunnelled(plain)).toBe('early-0;later|early-1;later|early-2;later|early-3;later')
    expect(told(place).filter(line => line.endsWith(url()))).toEqual([
      `warn: upstream origin is down: ${url()}`,
    ])
  })

  test('and is refused where there is none', async () => {
    const one = open('none', 'early')
    await one.until('502 Bad Gateway')
    await waitUntil(() => one.closed, 'not closed')
    await untilIdle(place, 'none')
  })
})

test('an answer may take longer than a connection', async () => {
  plain.answer = async () => {
    await sleep(2000)
    return accepts()
  }
  const one = open('patient')
  await one.until('HTTP/1.1 101')
  one.socket.destroy()
})

test('what is said before the answer comes is kept for it', async () => {
  let letGo = () => {}
  const held = new Promise<void>(resolve => {
    letGo = resolve
  })
  plain.answer = async () => {
    await held
    return accepts()
  }
  const one = open('plain', 'first;')
  await waitUntil(() => plain.requests.length === 1, 'not sent')
  one.socket.write('second;')
  await sleep(50)
  expect(tunnelled(plain)).toBe('')
  letGo()
  await one.until('first;second;')
  one.socket.destroy()
})

describe.each([
  ['http', 'plain', () => plain],
  ['https', 'secure', () => secure],
])('a WebSocket to an %s:// upstream', (_, source, upstream) => {
  const joined = async () => {
    const one = open(source)
    await one.until('101')
    one.socket.write('hello')
    await one.until('hello')
    const other = upstream().connections.at(-1)?.socket as Socket
    return { one, other }
  }
  const ended = async (one: Caller) => {
    await waitUntil(() => one.closed, "the caller's side is open", 5000)
    await waitUntil(() => upstream().open === 0, "the upstream's side is open", 5000)
    await untilIdle(place, source)
  }
  const WAYS = ['end', 'destroy', 'resetAndDestroy'] as const

  test.each(WAYS)('ends on both sides when its caller does: %s', async way => {
    const { one } = await joined()
    one.socket[way]()
    await ended(one)
  })

  test.each(WAYS)('ends on both sides when its upstream does: %s', async way => {
    const { one, other } = await joined()
    if (way === 'end') other.end()
    else upstream().cut(way)
    await ended(one)
  })

  test('ends though its upstream leaves its own side open', async () => {
    const { one, other } = await joined()
    other.allowHalfOpen = true
    one.socket.end()
    await waitUntil(() => one.closed, "the caller's side is open", 5000)
    await untilIdle(place, source)
    upstream().cut()
  })

  test('ends though its caller leaves its own side open', async () => {
    const { one, other } = await joined()
    one.socket.allowHalfOpen = true
    other.end()
    await waitUntil(() => upstream().open === 0, "the upstream's side is open", 5000)
    await untilIdle(place, source)
    await waitUntil(() => one.ended, 'the caller is not told')
    one.socket.destroy()
  })

  test('brings what was said last', async () => {
    const bytes = Buffer.alloc(3_000_000, 'x')
    upstream().onTunnel = (_chunk, socket) => void socket.end(bytes)
    const one = open(source)
    await one.until('101')
    one.socket.write('go')
    await waitUntil(() => one.ended || one.closed, 'not ended')
    expect(one.text.split('\r\n\r\n')[1]?.length).toBe(bytes.length)
    await ended(one)
  })
})

test('the log has one line for it, when it has ended', async () => {
  const lines = () => place.gateway.logs.filter(line => line.dataSource === 'plain').length
  await sleep(100)
  const before = lines()
  const one = open('plain')
  await one.until('101')
  await sleep(100)
  expect(lines()).toBe(before)
  one.socket.destroy()
  await waitUntil(() => lines() === before + 1, 'not logged')
  const line = place.gateway.logs.filter(({ dataSource }) => dataSource === 'plain').at(-1)
  expect(line).toMatchObject({ status: 101, decision: 'allow', route: '/open/**' })
  expect(line).not.toHaveProperty('cause')
})

test('a caller that is reset before the answer is no failure of the upstream', async () => {
  plain.answer = () => undefined
  const one = open('plain')
  await waitUntil(() => plain.requests.length === 1, 'not sent')
  const from = place.gateway.logs.length
  one.socket.resetAndDestroy()
  const ofRequest = () =>
    place.gateway.logs.slice(from).find(({ dataSource }) => dataSource === 'plain')
  await waitUntil(() => ofRequest() !== undefined, 'not logged')
  const { status, code, decision, aborted } = ofRequest() ?? {}
  expect({ status, code, decision, aborted }).toEqual({
    status: 499,
    code: undefined,
    decision: 'allow',
    aborted: true,
  })
  await untilIdle(place, 'plain')
})
