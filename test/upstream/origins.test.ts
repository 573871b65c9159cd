import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { request } from '../support/raw.ts'
import { waitUntil } from '../support/redis.ts'
import { reply, startUpstream, type Upstream } from '../support/upstream.ts'
import {
  between,
  closeLater,
  countsOf,
  POST,
  sharedGateway,
  statuses,
  times,
  told,
  upByMetric,
} from './between.ts'
import { call, seen, startBlackHole, untilIdle } from './support.ts'

const serve = between(sharedGateway())

describe('requests go', () => {
  test('to each origin in turn, where all are alike', async () => {
    const place = await serve([], {}, 3)
    expect(await statuses(place, 30)).toEqual(times(30, 200))
    expect(countsOf(place.origins)).toEqual([10, 10, 10])
  })

  test('to the one with the fewest in flight: a slow one gets fewer', async () => {
    const place = await serve([], { timeout: '20s' }, 2)
    const [slow, quick] = place.origins as [Upstream, Upstream]
    let letGo = () => {}
    const held = new Promise<void>(resolve => {
      letGo = resolve
    })
    slow.answer = async () => {
      await held
      return reply()
    }
    const first = [place.ask('api'), place.ask('api'), place.ask('api')]
    await waitUntil(() => countsOf(place.origins).every(count => count > 0), 'not sent')
    await waitUntil(() => slow.requests.length + quick.requests.length === 3, 'not sent')
    const before = countsOf(place.origins)
    await statuses(place, 10)
    expect(countsOf(place.origins)).toEqual([before[0], (before[1] ?? 0) + 10])
    letGo()
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200, 200])
  })

  test('on to the next origin where nobody listens, bodies and all, and are sent once', async () => {
    const gone = await startUpstream()
    await gone.close()
    const place = await serve([gone.url], {}, 1)
    expect(await statuses(place, 4, POST)).toEqual(times(4, 200))
    expect(place.origins[0]?.requests.map(({ body }) => body.toString())).toEqual(times(4, 'hello'))
    expect(told(place)).toEqual([`warn: upstream origin is down: ${gone.url}`])
    expect(await upByMetric(place)).toEqual({ [gone.url]: 0, [place.origins[0]?.url as string]: 1 })
  })

  test('on to the next origin where no connection comes about in time', async () => {
    const hole = await startBlackHole()
    closeLater({ close: hole.stop })
    const url = `http://127.0.0.1:${hole.port}`
    const place = await serve([url], { connectTimeout: '300ms' }, 1)
    expect(await statuses(place, 3, POST)).toEqual([200, 200, 200])
    expect(place.origins[0]?.requests.length).toBe(3)
    expect(told(place)).toEqual([`warn: upstream origin is down: ${url}`])
  })

  test('to all origins where none is there: 502, and 504 where none answers in time', async () => {
    const gone = [await startUpstream(), await startUpstream()]
    await Promise.all(gone.map(one => one.close()))
    const place = await serve(gone.map(({ url }) => url))
    expect(await statuses(place, 3)).toEqual([502, 502, 502])
    expect(told(place).sort()).toEqual(
      gone.map(({ url }) => `warn: upstream origin is down: ${url}`).sort(),
    )
    closeLater(await startUpstream({ port: gone[1]?.port ?? 0 }))
    expect(await statuses(place, 3)).toEqual([200, 200, 200])
  })
})

describe('an origin that fails', () => {
  test('is passed over for 5 s, then tried with one request, and is back', async () => {
    const place = await serve([], {}, 2)
    const [first, second] = place.origins as [Upstream, Upstream]
    await statuses(place, 2)
    const { port, url } = first
    await first.close()
    const from = Date.now()
    expect(await statuses(place, 6, POST)).toEqual(times(6, 200))
    expect(second.requests.length).toBe(7)
    const again = await startUpstream({ port })
    closeLater(again)
    let letGo = () => {}
    const held = new Promise<void>(resolve => {
      letGo = resolve
    })
    again.answer = async () => {
      await held
      return reply()
    }
    // Nothing but one request goes there, however many come.
    const answers: Promise<number>[] = []
    while (again.requests.length === 0) {
      answers.push(place.ask('api', {}).then(({ status }) => status))
      await sleep(50)
      if (Date.now() - from > 15_000) throw new Error('never tried')
    }
    expect(Date.now() - from).toBeGreaterThan(4_500)
    for (let i = 0; i < 10; i++) answers.push(place.ask('api').then(a => a.status))
    await Promise.all(answers.slice(-10))
    expect(again.requests.length).toBe(1)
    expect((await seen(place, 'api')).origins[0]).toMatchObject({ usable: false })
    letGo()
    expect(await Promise.all(answers)).toEqual(times(answers.length, 200))
    expect(told(place)).toEqual([
      `warn: upstream origin is down: ${url}`,
      `info: upstream origin is back: ${url}`,
    ])
    expect(await upByMetric(place)).toEqual({ [url]: 1, [second.url]: 1 })
    await statuses(place, 4)
    expect(again.requests.length).toBe(3)
  })

  const KINDS: [string, Upstream['answer'], object][] = [
    ['resets', (_, socket) => void socket.resetAndDestroy(), {}],
    ['hangs up', (_, socket) => void socket.destroy(), {}],
    ['says nothing', () => undefined, { timeout: '200ms' }],
  ]
  test.each(KINDS)('that %s five times in a row is passed over', async (_, answer, more) => {
    const place = await serve([], more, 2)
    const [bad, good] = place.origins as [Upstream, Upstream]
    bad.answer = answer
    const got = await statuses(place, 14, POST)
    expect(got.filter(status => status !== 200).length).toBe(5)
    expect([bad.requests.length, good.requests.length]).toEqual([5, 9])
    expect(told(place)).toEqual([`warn: upstream origin is down: ${bad.url}`])
  })

  test('is not passed over for four in a row, nor for answers of 503', async () => {
    const place = await serve([], {}, 2)
    const [bad] = place.origins as [Upstream, Upstream]
    let n = 0
    bad.answer = (_request, socket) => {
      if (++n % 5 === 0) return reply({ status: 503 })
      socket.resetAndDestroy()
      return undefined
    }
    const got = await statuses(place, 40, POST)
    expect(got.filter(status => status === 502).length).toBe(16)
    expect(got.filter(status => status === 503).length).toBe(4)
    expect(told(place)).toEqual([])
  })

  test('is not to blame for callers that leave, before its answer or in it', async () => {
    const place = await serve([], {}, 2)
    const [slow] = place.origins as [Upstream, Upstream]
    const bytes = request({ host: 'api.test', target: '/open/a' })
    for (const begun of ['', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf']) {
      slow.answer = (_request, socket) => {
        if (begun !== '') socket.write(begun)
        return undefined
      }
      const before = slow.requests.length
      while (slow.requests.length < before + 7) {
        const sent = countsOf(place.origins)
        const one = call(place.gateway.port, bytes)
        await waitUntil(() => String(countsOf(place.origins)) !== String(sent), 'not sent')
        if (begun !== '') await one.until('200 OK')
        one.socket.destroy()
        await untilIdle(place, 'api')
      }
    }
    expect(told(place)).toEqual([])
  })

  test('is not passed over for answers that it breaks off', async () => {
    const place = await serve([], {}, 2)
    for (const origin of place.origins) {
      origin.answer = (_request, socket) =>
        void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
    }
    expect(await statuses(place, 14)).toEqual(times(14, 200))
    expect(told(place)).toEqual([])
  })

  test('is passed over though its callers are gone before the connection has failed', async () => {
    const hole = await startBlackHole()
    closeLater({ close: hole.stop })
    const place = await serve(
      [`http://127.0.0.1:${hole.port}`],
      { connectTimeout: '300ms', maxConnections: 4 },
      1,
    )
    for (let i = 0; i < 4; i++) await place.ask('api', {}, 100).catch(() => {})
    await waitUntil(() => told(place).length === 1, 'not told', 5000)
    await untilIdle(place, 'api')
  })
})
