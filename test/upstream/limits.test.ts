import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { request, valuesOf } from '../support/raw.ts'
import { waitUntil } from '../support/redis.ts'
import { refusal, refusalOf } from '../support/refusal.ts'
import { headerOf, reply, type Upstream } from '../support/upstream.ts'
import { accepts, call, type Place, seen, startPlace, untilIdle, WEBSOCKET } from './support.ts'

/** `maxConnections` and `maxPending`: each data source here has an origin of its own, but for two. */

const SOURCES = {
  burst: { maxConnections: 4, maxPending: 100 },
  order: { maxConnections: 1, maxPending: 20 },
  full: { maxConnections: 2, maxPending: 2 },
  none: { maxConnections: 1, maxPending: 0 },
  late: { maxConnections: 1, timeout: '500ms' },
  sockets: { maxConnections: 2, maxPending: 0 },
  body: { maxConnections: 1 },
  shared: { maxConnections: 1, maxPending: 1 },
}
type Id = keyof typeof SOURCES

let place: Place
const origins = {} as Record<Id, Upstream>
beforeAll(async () => {
  const ids = Object.keys(SOURCES) as Id[]
  place = await startPlace(
    all => {
      ids.forEach((id, i) => {
        origins[id] = all[i] as Upstream
      })
      const upstream = (id: Id) => ({ url: origins[id].url, ...SOURCES[id] })
      return {
        ...Object.fromEntries(ids.map(id => [id, { upstream: upstream(id) }])),
        // The same upstream, with other credentials.
        sharing: { upstream: { ...upstream('shared'), credentials: { bearer: 'secret' } } },
      }
    },
    { origins: ids.length },
  )
})
afterAll(() => place.stop())

/** Makes an origin keep its answers back; what it returns lets one go. */
function hold(origin: Upstream): () => void {
  const waiting: (() => void)[] = []
  origin.answer = async ({ target }) => {
    await new Promise<void>(resolve => waiting.push(resolve))
    return reply({ body: target })
  }
  return () => waiting.shift()?.()
}

const get = (source: string, target = '/open/a') => request({ host: `${source}.test`, target })
const caller = (source: string, target?: string) => call(place.gateway.port, get(source, target))

const isSeen = (source: string, active: number, pending: number) =>
  waitUntil(
    async () => {
      const now = await seen(place, source)
      return now.active === active && now.pending === pending
    },
    () => `not ${active} and ${pending}`,
    5000,
  )

describe('an upstream with maxConnections', () => {
  test('never has more connections, and every request of a burst is served', async () => {
    const origin = origins.burst
    origin.answer = async ({ target }) => {
      await sleep(5)
      return reply({ body: target })
    }
    const targets = Array.from({ length: 80 }, (_, i) => `/open/${i}`)
    const answers = await Promise.all(targets.map(target => place.ask('burst', { target })))
    expect(answers.map(({ status, body }) => [status, body])).toEqual(
      targets.map(target => [200, target]),
    )
    expect(origin.peak).toBe(4)
    await untilIdle(place, 'burst')
  })

  test('is asked in the order in which the requests came', async () => {
    const letGo = hold(origins.order)
    const targets = Array.from({ length: 10 }, (_, i) => `/open/${i}`)
    const callers = []
    for (const [i, target] of targets.entries()) {
      callers.push(caller('order', target))
      await isSeen('order', 1, i)
    }
    for (const [i, one] of callers.entries()) {
      await waitUntil(() => origins.order.requests.length > i, 'not sent')
      letGo()
      await one.until('\r\n\r\n')
      one.socket.destroy()
    }
    expect(origins.order.requests.map(({ target }) => target)).toEqual(targets)
    expect(origins.order.peak).toBe(1)
    await untilIdle(place, 'order')
  })

  test('and maxPending refuses one more at once, and serves the others', async () => {
    const letGo = hold(origins.full)
    const callers = Array.from({ length: 4 }, () => caller('full'))
    await isSeen('full', 2, 2)
    const refused = await place.ask('full')
    expect(refusalOf(refused)).toEqual({
      ...refusal('upstream_unavailable', { status: 503 }),
      retryAfter: 'seconds',
    })
    expect(refused.raw).not.toMatch(/127\.0\.0\.1|localhost/)
    expect(callers.map(({ text }) => text)).toEqual(['', '', '', ''])
    for (const sent of [2, 3, 4, 4]) {
      await waitUntil(() => origins.full.requests.length >= sent, 'not sent')
      letGo()
    }
    for (const one of callers) await one.until('200 OK')
    for (const { socket } of callers) socket.destroy()
    await untilIdle(place, 'full')
    const line = place.gateway.logs.find(({ status }) => status === 503)
    expect(line).toMatchObject({
      code: 'upstream_unavailable',
      cause: 'maxConnections and maxPending are reached',
    })
  })

  test('and maxPending 0 lets nobody wait', async () => {
    const letGo = hold(origins.none)
    const first = caller('none')
    await isSeen('none', 1, 0)
    expect((await place.ask('none')).status).toBe(503)
    await waitUntil(() => origins.none.requests.length === 1, 'not sent')
    letGo()
    await first.until('200 OK')
    first.socket.destroy()
    await untilIdle(place, 'none')
    origins.none.answer = () => reply()
    expect((await place.ask('none')).status).toBe(200)
  })

  test('lets nobody wait for longer than its timeout', async () => {
    // An answer that goes on: it may take long, those who wait for their turn may not.
    origins.late.answer = (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegins')
      return undefined
    }
    const first = caller('late')
    await first.until('begins')
    const answer = await place.ask('late')
    expect(refusalOf(answer)).toEqual(refusal('upstream_timeout'))
    expect(origins.late.requests.length).toBe(1)
    first.socket.destroy()
    await untilIdle(place, 'late')
  })

  test('is shared by data sources that differ in what they show it', async () => {
    const letGo = hold(origins.shared)
    const first = caller('shared', '/open/first')
    await isSeen('sharing', 1, 0)
    const token = place.issuer.token()
    const second = call(
      place.gateway.port,
      request({ host: 'sharing.test', target: '/open/second', token }),
    )
    await isSeen('shared', 1, 1)
    expect((await place.ask('shared')).status).toBe(503)
    for (const one of [first, second]) {
      await waitUntil(() => origins.shared.requests.length > (one === first ? 0 : 1), 'not sent')
      letGo()
      await one.until('200 OK')
      one.socket.destroy()
    }
    expect(origins.shared.peak).toBe(1)
    const seenBy = origins.shared.requests.map(one => headerOf(one, 'authorization'))
    expect(seenBy).toEqual([[], ['Bearer secret']])
    await untilIdle(place, 'shared')
  })
})

describe('a caller that waits for its turn', () => {
  test.each([
    ['closes', 'destroy'],
    ['resets', 'resetAndDestroy'],
    ['ends', 'end'],
  ] as const)('and %s its connection frees its place, and is not asked for', async (_, leave) => {
    const letGo = hold(origins.order)
    origins.order.requests.length = 0
    const first = caller('order', '/open/first')
    await isSeen('order', 1, 0)
    const second = caller('order', '/open/second')
    await isSeen('order', 1, 1)
    second.socket[leave]()
    await isSeen('order', 1, 0)
    await waitUntil(() => origins.order.requests.length === 1, 'not sent')
    letGo()
    await first.until('200 OK')
    first.socket.destroy()
    await untilIdle(place, 'order')
    expect(origins.order.requests.map(({ target }) => target)).toEqual(['/open/first'])
  })

  test('is told to send its body when that comes, and it arrives whole and once', async () => {
    const letGo = hold(origins.body)
    const first = caller('body')
    await isSeen('body', 1, 0)
    const headers = { Expect: '100-continue', 'Content-Length': '5' }
    const target = '/open/late'
    const second = call(
      place.gateway.port,
      request({ method: 'POST', host: 'body.test', target, headers }),
    )
    await isSeen('body', 1, 1)
    await sleep(50)
    expect(second.text).toBe('')
    letGo()
    await second.until('100 Continue')
    second.socket.write('hello')
    await waitUntil(() => origins.body.requests.length === 2, 'not sent')
    letGo()
    await second.until(target)
    expect(origins.body.requests.map(({ body }) => body.toString())).toEqual(['', 'hello'])
    first.socket.destroy()
    second.socket.destroy()
    await untilIdle(place, 'body')
  })
})

describe('a WebSocket', () => {
  const open = () =>
    call(
      place.gateway.port,
      request({ host: 'sockets.test', target: '/open/ws', headers: WEBSOCKET }),
    )

  test('has a place of its own until it is closed on both sides', async () => {
    const origin = origins.sockets
    origin.answer = ({ target }) => (target.endsWith('ws') ? accepts() : reply())
    for (const leave of ['destroy', 'resetAndDestroy', 'end'] as const) {
      const both = [open(), open()]
      for (const one of both) await one.until('101')
      const [third] = [open()]
      await third.until('503')
      expect(valuesOf(await place.ask('sockets'), 'retry-after')).toEqual(['1'])
      for (const { socket } of [...both, third]) socket[leave]()
      await untilIdle(place, 'sockets')
      await waitUntil(() => origin.open === 0, 'still open')
    }
    expect((await place.ask('sockets')).status).toBe(200)
    expect(origin.peak).toBe(2)
  })
})
