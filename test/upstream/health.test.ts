import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { AUDIENCE } from '../support/issuer.ts'
import { waitUntil } from '../support/redis.ts'
import { reply, startUpstream, type Upstream } from '../support/upstream.ts'
import { countsOf, POST, sharedGateway, statuses, times, told, upByMetric } from './between.ts'
import { type Place, type SourcesFor, seen, startPlace } from './support.ts'

/** `health`: an origin is asked now and then whether it lives. */

const install = sharedGateway()
let place: Place

const CHECK = { path: '/health?deep=1', every: '500ms' }
const sourcesFor =
  (more: object = {}): SourcesFor =>
  all => ({
    api: {
      upstream: {
        urls: all.map(({ url }) => `${url}/base`),
        credentials: { bearer: 'secret' },
        health: CHECK,
        ...more,
      },
    },
  })
const start = async (more: object = {}, count = 2) => {
  place = await install(sourcesFor(more), count)
  return place.origins as [Upstream, Upstream]
}
const isCheck = ({ target }: { target: string }) => target === '/base/health?deep=1'
const checksOf = (origin: Upstream) => origin.requests.filter(isCheck)
const requestsOf = (origin: Upstream) => origin.requests.filter(one => !isCheck(one))
const usable = async () => (await seen(place, 'api')).origins.map(one => one.usable)
const becomes = (wanted: boolean[]) =>
  waitUntil(
    async () => String(await usable()) === String(wanted),
    () => `not ${wanted}: ${JSON.stringify(told(place))}`,
    8000,
  )
/** How an origin answers checks; requests it serves. */
const onCheck = (origin: Upstream, answer: Upstream['answer']) => {
  origin.answer = (request, socket) => (isCheck(request) ? answer(request, socket) : reply())
}

describe('a check', () => {
  test.each([
    [
      "of the origin, where the caller's is kept",
      'preserve',
      (o: Upstream) => `127.0.0.1:${o.port}`,
    ],
    ['of the policy', 'legacy.test', () => 'legacy.test'],
  ])('carries nothing but the host %s', async (_, host, said) => {
    const [origin] = await start({ host }, 1)
    await waitUntil(() => checksOf(origin).length > 1, 'no checks')
    const text = [
      'GET /base/health?deep=1 HTTP/1.1',
      `Host: ${said(origin)}`,
      'User-Agent: feide-gateway health check',
      'Connection: keep-alive',
    ].join('\r\n')
    expect(new Set(checksOf(origin).map(({ raw }) => raw))).toEqual(new Set([`${text}\r\n\r\n`]))
  })

  test('that is answered by anything but a server error says that the origin lives', async () => {
    const answers = [200, 204, 301, 401, 404, 429]
    await start({}, answers.length)
    for (const [i, status] of answers.entries()) {
      onCheck(place.origins[i] as Upstream, () => reply({ status, bare: status === 204 }))
    }
    const before = place.origins.map(origin => checksOf(origin).length)
    await waitUntil(
      () => place.origins.every((one, i) => checksOf(one).length > (before[i] ?? 0) + 1),
      'no checks',
    )
    await becomes(times(answers.length, true))
  })

  test('that fails says that it is down, until one says otherwise', async () => {
    const answers: Upstream['answer'][] = [
      () => reply({ status: 500 }),
      () => reply({ status: 503 }),
      (_, socket) => void socket.resetAndDestroy(),
      () => undefined,
      (_, socket) => void socket.end('hello\r\n\r\n'),
    ]
    await start({}, answers.length + 1)
    const all = place.origins
    const bad = all.slice(0, answers.length)
    for (const [i, answer] of answers.entries()) onCheck(all[i] as Upstream, answer)
    await becomes(all.map((_, i) => i === answers.length))
    expect(Object.values(await upByMetric(place))).toEqual([0, 0, 0, 0, 0, 1])
    const before = bad.map(origin => requestsOf(origin).length)
    expect(await statuses(place, 6)).toEqual(times(6, 200))
    expect(bad.map(origin => requestsOf(origin).length)).toEqual(before)
    for (const one of bad) onCheck(one, () => reply())
    await becomes(times(all.length, true))
    await statuses(place, all.length)
    expect(bad.map(origin => requestsOf(origin).length)).toEqual(before.map(count => count + 1))
    for (const { url } of bad) {
      const lines = told(place).filter(line => line.endsWith(url))
      expect(lines.slice(0, 2)).toEqual([
        `warn: upstream origin is down: ${url}`,
        `info: upstream origin is back: ${url}`,
      ])
    }
  })

  test('finds an origin that is gone, and that is back', async () => {
    const [first] = await start()
    await first.close()
    await becomes([false, true])
    const again = await startUpstream({ port: first.port })
    await becomes([true, true])
    await again.close()
  })

  test('brings an origin back that did not answer requests', async () => {
    const [first] = await start()
    let spoilt = true
    first.answer = (request, socket) => {
      if (isCheck(request) || !spoilt) return reply()
      socket.resetAndDestroy()
      return undefined
    }
    const [down, back] = [
      `warn: upstream origin is down: ${first.url}`,
      `info: upstream origin is back: ${first.url}`,
    ]
    while (!told(place).includes(down)) await place.ask('api', POST)
    spoilt = false
    await waitUntil(() => told(place).includes(back), 'not back')
  })

  test('that is answered without end keeps nothing', async () => {
    const [first] = await start({}, 1)
    onCheck(first, (_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
      const more = setInterval(() => socket.write('5\r\nhello\r\n'), 10)
      socket.on('close', () => clearInterval(more))
      return undefined
    })
    await waitUntil(() => checksOf(first).length > 5, 'no checks')
    expect(first.peak).toBeLessThanOrEqual(2)
    expect(await statuses(place, 1)).toEqual([200])
  })

  test('has a connection of its own: neither it nor a request waits for the other', async () => {
    const [first, second] = await start({ maxConnections: 1 })
    const held: (() => void)[] = []
    for (const one of [first, second]) {
      one.answer = async request => {
        if (!isCheck(request)) await new Promise<void>(resolve => held.push(resolve))
        return reply()
      }
    }
    const answer = place.ask('api')
    await waitUntil(() => held.length === 1, 'not sent')
    const before = [first, second].map(one => checksOf(one).length)
    await waitUntil(
      () => [first, second].every((one, i) => checksOf(one).length > (before[i] ?? 0) + 2),
      'no checks beside a request',
    )
    await becomes([true, true])
    held[0]?.()
    expect((await answer).status).toBe(200)
  })
})

describe('an only origin that is down', () => {
  test('gets requests all the same', async () => {
    const [only] = await start({}, 1)
    onCheck(only, () => reply({ status: 500 }))
    await becomes([false])
    expect(await statuses(place, 3)).toEqual([200, 200, 200])
    expect(requestsOf(only).length).toBe(3)
  })
})

describe('checks end', () => {
  const quiet = async (origin: Upstream) => {
    // An idle connection would end by itself after 4 s.
    await waitUntil(() => origin.open === 0, 'a connection stays open', 3000)
    const before = countsOf([origin])
    await sleep(1200)
    expect([countsOf([origin]), origin.open]).toEqual([before, 0])
  }

  test('with a reload that takes them away, and what they said is forgotten', async () => {
    const [first, second] = await start()
    for (const one of [first, second]) onCheck(one, () => reply({ status: 500 }))
    await becomes([false, false])
    await place.reload({ api: { upstream: { urls: [first.url, second.url] } } })
    expect(await usable()).toEqual([true, true])
    await Promise.all([quiet(first), quiet(second)])
    await statuses(place, 4)
    expect([requestsOf(first).length, requestsOf(second).length]).toEqual([2, 2])
  })

  test('with a reload that takes the upstream away', async () => {
    const [first] = await start({}, 1)
    await waitUntil(() => checksOf(first).length > 1, 'no checks')
    await place.reload({ other: { audience: AUDIENCE, upstream: 'http://127.0.0.1:1' } })
    await quiet(first)
  })

  test('not with one that leaves them as they are', async () => {
    const [first] = await start({}, 1)
    await waitUntil(() => checksOf(first).length > 1, 'no checks')
    const upstream = {
      urls: [`${first.url}/base`],
      credentials: { bearer: 'another' },
      health: CHECK,
    }
    await place.reload({ api: { upstream, maxBody: '1MiB' } })
    const before = checksOf(first).length
    await waitUntil(() => checksOf(first).length > before + 2, 'no checks')
    expect(first.connections.length).toBe(1)
  })

  test('with the gateway', async () => {
    const own = await startPlace(sourcesFor(), { origins: 2 })
    const [first, second] = own.origins as [Upstream, Upstream]
    onCheck(first, () => undefined)
    await waitUntil(() => checksOf(first).length > 0 && checksOf(second).length > 1, 'no checks')
    await own.gateway.stop()
    await Promise.all([quiet(first), quiet(second)])
    await own.stop()
  })
})
