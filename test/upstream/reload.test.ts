import { describe, expect, test } from 'vitest'
import { count, holdAnswers } from '../life/support.ts'
import { request } from '../support/raw.ts'
import { waitUntil } from '../support/redis.ts'
import { reply, startUpstream, type Upstream } from '../support/upstream.ts'
import { sharedGateway, told, upByMetric } from './between.ts'
import {
  accepts,
  call,
  type Place,
  type SourcesFor,
  seen,
  startPlace,
  untilIdle,
  WEBSOCKET,
} from './support.ts'

/** What a reload does to upstreams, and to requests that are with them or on their way. */

const install = sharedGateway()
let place: Place

const sourcesFor =
  (settings: object = {}): SourcesFor =>
  ([only]) => ({ api: { upstream: { url: only?.url, ...settings } } })
const start = async (settings: object = {}): Promise<Upstream> => {
  place = await install(sourcesFor(settings))
  return place.origins[0] as Upstream
}
const ELSEWHERE = { api: { upstream: 'http://127.0.0.1:1' } }
const get = (target = '/open/a') => request({ host: 'api.test', target })

describe('an upstream that a reload leaves as it is', () => {
  test('keeps its connections, whatever else has changed', async () => {
    const origin = await start({ credentials: { bearer: 'one' } })
    await place.ask('api')
    const upstream = { url: origin.url, credentials: { bearer: 'two' } }
    await place.reload({ api: { upstream, maxBody: '1MiB' }, next: { upstream } })
    for (const source of ['api', 'next']) expect((await place.ask(source)).status).toBe(200)
    expect(origin.connections.map(({ requests }) => requests.length)).toEqual([3])
  })

  test('keeps what is known of its origins, and the places that are taken', async () => {
    const gone = await startUpstream()
    await gone.close()
    const origin = await start()
    const upstream = { urls: [gone.url, origin.url] }
    await place.reload({ api: { upstream } })
    for (let i = 0; i < 2; i++) expect((await place.ask('api')).status).toBe(200)
    const held = holdAnswers(origin)
    const one = call(place.gateway.port, get())
    await waitUntil(() => origin.requests.length === 3, 'not sent')
    const before = await seen(place, 'api')
    await place.reload({ api: { upstream, maxBody: '1MiB' } })
    expect(await seen(place, 'api')).toEqual(before)
    expect(before).toMatchObject({ active: 1, origins: [{ usable: false }, { inFlight: 1 }] })
    held.letGo()
    await one.until('200 OK')
    one.socket.destroy()
    expect(await upByMetric(place)).toEqual({ [gone.url]: 0, [origin.url]: 1 })
    expect(told(place)).toEqual([`warn: upstream origin is down: ${gone.url}`])
  })
})

describe('an upstream that a reload takes away', () => {
  test('is let go at once where nothing is with it', async () => {
    const origin = await start()
    await place.ask('api')
    expect(origin.open).toBe(1)
    await place.reload(ELSEWHERE)
    await waitUntil(() => origin.open === 0, 'still open', 3000)
  })

  test('finishes what is with it, and is let go then', async () => {
    const origin = await start()
    const held = holdAnswers(origin)
    const one = call(place.gateway.port, get())
    const headers = { 'Content-Length': '10' }
    const parts = { method: 'POST', host: 'api.test', target: '/open/upload', headers }
    const two = call(place.gateway.port, request({ ...parts, body: 'hello' }))
    await waitUntil(() => origin.requests.length === 1 && origin.open === 2, 'not sent')
    await place.reload(ELSEWHERE)
    two.socket.write('world')
    held.letGo()
    for (const { until } of [one, two]) await until('{"ok":true}')
    expect(origin.requests.map(({ body }) => body.toString())).toEqual(['', 'helloworld'])
    await waitUntil(() => origin.open === 0, 'still open', 3000)
    for (const { socket } of [one, two]) socket.destroy()
    expect((await place.ask('api')).status).toBe(502)
  })

  test('keeps its WebSockets', async () => {
    const origin = await start()
    origin.answer = accepts
    const one = call(
      place.gateway.port,
      request({ host: 'api.test', target: '/open/ws', headers: WEBSOCKET }),
    )
    await one.until('101')
    await place.reload(ELSEWHERE)
    one.socket.write('still there')
    await one.until('still there')
    one.socket.destroy()
    await waitUntil(() => origin.open === 0, 'still open', 3000)
  })

  test('serves those who wait for their turn there', async () => {
    const origin = await start({ maxConnections: 1 })
    const held = holdAnswers(origin)
    const callers = [call(place.gateway.port, get('/open/0'))]
    await waitUntil(() => origin.requests.length === 1, 'not sent')
    for (const i of [1, 2, 3]) {
      callers.push(call(place.gateway.port, get(`/open/${i}`)))
      await waitUntil(async () => (await seen(place, 'api')).pending === i, 'not waiting')
    }
    await place.reload(ELSEWHERE)
    held.letGo()
    for (const { until } of callers) await until('200 OK')
    expect(origin.requests.map(({ target }) => target)).toEqual([0, 1, 2, 3].map(i => `/open/${i}`))
    for (const { socket } of callers) socket.destroy()
    await waitUntil(() => origin.open === 0, 'still open', 3000)
  })

  test('serves those whose token is still being verified', async () => {
    const keys = await startUpstream()
    let served: unknown
    let letGo = () => {}
    const held = new Promise<void>(resolve => {
      letGo = resolve
    })
    keys.answer = async () => {
      await held
      return reply({ body: JSON.stringify({ keys: served }) })
    }
    const own = await startPlace(sourcesFor(), {
      more: ({ url }) => ({ issuer: { url, jwksUri: keys.url } }),
    })
    const [origin] = own.origins as [Upstream]
    served = own.issuer.keys
    const token = own.issuer.token()
    const one = call(own.gateway.port, request({ host: 'api.test', target: '/closed/a', token }))
    const inFlight = () => count(own.gateway, 'feide_gateway_in_flight_requests')
    await waitUntil(async () => (await inFlight()) === 1, 'not read')
    await own.reload(ELSEWHERE)
    letGo()
    await one.until('HTTP/1.1')
    expect([one.text.slice(9, 12), origin.requests.length]).toEqual(['200', 1])
    one.socket.destroy()
    await waitUntil(() => origin.open === 0, 'still open', 3000)
    await keys.close()
    await own.stop()
  })
})

test('no request fails while the settings of its upstream change again and again', async () => {
  const origin = await start({ maxConnections: 4 })
  let over = false
  let served = 0
  const callers = Array.from({ length: 8 }, async () => {
    while (!over) {
      const { status, raw } = await place.ask('api', {
        target: '/closed/a',
        token: place.issuer.token({ jti: String(served) }),
      })
      if (status !== 200) throw new Error(raw)
      served++
    }
  })
  for (let i = 0; i < 10; i++) {
    await place.reload({
      api: { upstream: { url: origin.url, maxConnections: 4, timeout: `${20 + i}s` } },
    })
  }
  over = true
  await Promise.all(callers)
  expect(served).toBeGreaterThan(20)
  await untilIdle(place, 'api')
  await waitUntil(() => origin.open <= 4, 'left open', 3000)
})
