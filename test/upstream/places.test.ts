import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { count } from '../life/support.ts'
import { type RequestParts, request } from '../support/raw.ts'
import { freePort, waitUntil } from '../support/redis.ts'
import { reply, type Upstream } from '../support/upstream.ts'
import { type Caller, call, type Place, seen, startPlace, untilIdle, WEBSOCKET } from './support.ts'

/**
 * An upstream with room for one request: whatever becomes of that, the room is free again afterwards.
 * `api` has one origin, `pair` a dead one before it, `dead` nothing but that.
 */

let place: Place
let origin: Upstream
beforeAll(async () => {
  const dead = `http://127.0.0.1:${await freePort()}`
  const limits = {
    maxConnections: 1,
    maxPending: 0,
    timeout: '300ms',
    idleTimeout: '300ms',
  }
  place = await startPlace(
    ([only]) => ({
      api: {
        upstream: { url: only?.url, ...limits },
        maxBody: '1KiB',
        headers: { inject: { 'X-Name': { claim: 'name' } } },
      },
      pair: { upstream: { urls: [dead, only?.url], ...limits } },
      dead: { upstream: { url: dead, ...limits } },
    }),
    { more: { limits: { bodyIdle: '300ms' } } },
  )
  origin = place.origins[0] as Upstream
})
beforeEach(() => origin.reset())
afterAll(() => place.stop())

afterEach(async () => {
  // A caller that has left may still have to be read.
  const is = (name: string) => () => count(place.gateway, `feide_gateway_upstream_${name}`)
  for (const look of [is('active_requests'), is('pending_requests')]) {
    await waitUntil(async () => (await look()) === 0, 'a place is taken', 5000)
  }
  for (const source of ['api', 'pair', 'dead']) await untilIdle(place, source)
  origin.reset()
  const served = async () => (await place.ask('api')).status === 200
  await waitUntil(served, 'no place for another request', 5000)
})

const target = '/open/a'
const ask = async (parts: RequestParts = {}, source = 'api') =>
  (await place.ask(source, { target, ...parts })).status
const caller = (parts: RequestParts = {}, source = 'api') =>
  call(place.gateway.port, request({ host: `${source}.test`, target, ...parts }))

const BEGUN = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun'
const says = (text: string, then: 'nothing' | 'FIN' | 'RST' = 'nothing') => {
  origin.answer = async (_request, socket) => {
    if (text !== '') socket.write(text)
    await sleep(20)
    if (then === 'FIN') socket.end()
    if (then === 'RST') socket.resetAndDestroy()
    return undefined
  }
}
const POST: RequestParts = { method: 'POST', headers: { 'Content-Length': '5' }, body: 'hello' }
const UPLOAD = { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' } }

describe('an answer gives the place back', () => {
  test.each([200, 204, 304, 404, 500])('with status %i', async status => {
    origin.answer = () => reply({ status, bare: status === 204 || status === 304 })
    expect(await ask()).toBe(status)
  })
  test('to a HEAD', async () => expect(await ask({ method: 'HEAD' })).toBe(200))
  test('to a POST', async () => expect(await ask(POST)).toBe(200))
  test('that closes the connection', async () => {
    origin.answer = () => reply({ headers: { Connection: 'close' } })
    expect(await ask()).toBe(200)
  })
  test('that comes before the body is there', async () => {
    origin.onHead = (_request, socket) => void socket.write(reply({ status: 403 }))
    origin.answer = () => undefined
    const one = caller({ ...UPLOAD, body: '5\r\nhello\r\n' })
    await one.until('403')
    await untilIdle(place, 'api')
    one.socket.destroy()
  })
  test('that its caller does not read to the end', async () => {
    origin.answer = () => reply({ body: 'x'.repeat(30_000) })
    const one = caller()
    one.socket.pause()
    // Until the buffers between are full, and the rest of an answer stays with the gateway.
    for (let sent = 1; ; sent++) {
      const isSent = await waitUntil(() => origin.requests.length >= sent, 'stuck', 500).then(
        () => true,
        () => false,
      )
      if (!isSent) break
      one.socket.write(request({ host: 'api.test', target }))
    }
    await untilIdle(place, 'api')
    const open = () => count(place.gateway, 'feide_gateway_in_flight_requests')
    await waitUntil(async () => (await open()) === 0, 'its caller is kept')
    one.socket.destroy()
  })
})

describe('a failure of the upstream gives the place back', () => {
  const THEN = ['nothing', 'FIN', 'RST'] as const
  const SAID = { nothing: '', 'half a head': 'HTTP/1.1 200 OK\r\nX-A', junk: 'hello\r\n\r\n' }
  const rows = Object.entries(SAID).flatMap(said => THEN.map(then => [...said, then] as const))

  test.each(rows)('%s (%j), then %s', async (_, text, then) => {
    const status = then === 'nothing' && text !== SAID.junk ? 504 : 502
    for (const parts of [{}, POST, { headers: WEBSOCKET }]) {
      says(text, then)
      expect(await ask(parts)).toBe(status)
    }
  })
  test.each(THEN)('half an answer, then %s', async then => {
    says(BEGUN, then)
    const one = caller()
    await one.until('begun')
    await waitUntil(() => one.closed, 'the caller is not told')
  })
  test('a 1xx and nothing more', async () => {
    says('HTTP/1.1 103 Early Hints\r\n\r\n')
    expect(await ask()).toBe(504)
  })
  test('nobody there', async () => expect(await ask({}, 'dead')).toBe(502))
  test('nobody there, for a WebSocket', async () =>
    expect(await ask({ headers: WEBSOCKET }, 'dead')).toBe(502))
  test('one of two that is not there', async () => {
    for (let i = 0; i < 4; i++) expect(await ask(POST, 'pair')).toBe(200)
    says('', 'RST')
    expect(await ask({}, 'pair')).toBe(502)
    says('', 'RST')
    expect(await ask(POST, 'pair')).toBe(502)
  })
})

describe('a caller that goes away gives the place back', () => {
  const LEAVE = ['destroy', 'resetAndDestroy', 'end'] as const
  const begun: Record<string, () => Promise<Caller>> = {
    'while it waits for the head': async () => {
      says('')
      const one = caller()
      await waitUntil(() => origin.requests.length === 1, 'not sent')
      return one
    },
    'in mid-answer': async () => {
      says(BEGUN)
      const one = caller()
      await one.until('begun')
      return one
    },
    'in mid-body': async () => {
      const one = caller({ ...UPLOAD, body: '5\r\nhello\r\n' })
      await waitUntil(() => origin.received.includes('hello'), 'not sent')
      return one
    },
    'while its WebSocket waits for an answer': async () => {
      says('')
      const one = caller({ headers: WEBSOCKET })
      await waitUntil(() => origin.requests.length === 1, 'not sent')
      return one
    },
  }
  const rows = Object.keys(begun).flatMap(when => LEAVE.map(how => [when, how] as const))

  test.each(rows)('%s, by %s', async (when, how) => {
    const one = await begun[when]?.()
    one?.socket[how]()
    await untilIdle(place, 'api')
    one?.socket.destroy()
  })
})

describe('a refusal after the gate takes no place', () => {
  test('for a body that grows too large', async () => {
    const one = caller({ ...UPLOAD, body: `800\r\n${'x'.repeat(2048)}\r\n` })
    await one.until('413')
    await untilIdle(place, 'api')
    one.socket.destroy()
  })
  test('for a body that stops', async () => {
    const one = caller({ ...UPLOAD, body: '5\r\nhello\r\n' })
    await one.until('408')
    await untilIdle(place, 'api')
    one.socket.destroy()
  })
  test.each([
    ['a request', {}],
    ['a WebSocket', { headers: WEBSOCKET }],
  ])('for %s with a claim that cannot be written', async (_, parts) => {
    const token = place.issuer.token({ name: 'a\nb' })
    const answer = await place.ask('api', { target: '/closed/a', token, ...parts })
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([502, 'claim_unrepresentable'])
    expect(origin.requests).toEqual([])
    expect((await seen(place, 'api')).active).toBe(0)
  })
  test('for a caller that left while its token was verified', async () => {
    for (let i = 0; i < 20; i++) {
      const one = caller({ target: '/closed/a', token: place.issuer.token({ jti: String(i) }) })
      await sleep(i % 4)
      one.socket.resetAndDestroy()
    }
  })
})
