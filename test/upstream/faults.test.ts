import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { count } from '../life/support.ts'
import { chunked, type RequestParts, request } from '../support/raw.ts'
import { freePort, waitUntil } from '../support/redis.ts'
import { reply, type Upstream } from '../support/upstream.ts'
import { accepts, type Caller, call, startPlace, untilIdle, WEBSOCKET } from './support.ts'

/** Requests in all; each is served well or badly by chance, and its caller stays or leaves by chance. */
const REQUESTS = 1_500
const AT_ONCE = 20

/** Numbers that look like chance, the same in each run (mulberry32). */
function chances(seed: number) {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** How an origin serves a request, by the number in its path. */
const SERVES: readonly Upstream['answer'][] = [
  () => reply({ body: 'x'.repeat(1000) }),
  () => reply({ body: 'y'.repeat(100_000) }),
  () => reply({ headers: { Connection: 'close' } }),
  () => reply({ status: 503 }),
  () => reply({ status: 204, bare: true }),
  async () => {
    await sleep(20)
    return reply()
  },
  (_, socket) => void socket.resetAndDestroy(),
  (_, socket) => void socket.end(),
  (_, socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'),
  async (_, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n')
    await sleep(5)
    socket.resetAndDestroy()
    return undefined
  },
  (_, socket) => void socket.end('junk\r\n\r\n'),
  ({ headers }) =>
    headers.some(([name]) => name.toLowerCase() === 'upgrade') ? accepts() : reply(),
]

/** How a caller asks. */
const ASKS: readonly RequestParts[] = [
  {},
  {},
  { method: 'HEAD' },
  { method: 'POST', headers: { 'Content-Length': '5' }, body: 'hello' },
  { method: 'PUT', headers: { 'Transfer-Encoding': 'chunked' }, body: chunked('hello', 'world') },
  { method: 'POST', headers: { 'Content-Length': '50' }, body: 'only this' },
  { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' }, body: chunked('z'.repeat(5000)) },
  { headers: WEBSOCKET },
  { headers: { Expect: '100-continue', 'Content-Length': '5' }, method: 'POST', body: 'hello' },
]

const LEAVES: readonly ((caller: Caller) => void)[] = [
  ({ socket }) => void socket.destroy(),
  ({ socket }) => void socket.resetAndDestroy(),
  ({ socket }) => void socket.end(),
]

test('thousands of requests with every fault leave nothing behind', async () => {
  const dead = `http://127.0.0.1:${await freePort()}`
  const limits = { maxConnections: 8, maxPending: 30, timeout: '2s', idleTimeout: '2s' }
  const place = await startPlace(
    all => ({
      one: { upstream: { url: all[0]?.url, ...limits }, maxBody: '1KiB' },
      many: { upstream: { urls: [dead, ...all.map(({ url }) => url)], ...limits } },
    }),
    { origins: 2, more: { limits: { bodyIdle: '500ms', drain: '5s' } } },
  )
  for (const origin of place.origins) {
    origin.answer = (request, socket) =>
      SERVES[Number(request.target.split('/').at(-1))]?.(request, socket)
  }
  const chance = chances(1)
  const one = async () => {
    const source = ['one', 'many'][chance(2)]
    const target = `/open/${chance(SERVES.length)}`
    const parts = { ...ASKS[chance(ASKS.length)], target, host: `${source}.test` }
    const caller = call(place.gateway.port, request(parts))
    const [patience, leave] = [chance(2) === 0 ? chance(20) : 40, LEAVES[chance(LEAVES.length)]]
    await sleep(patience)
    leave?.(caller)
    await waitUntil(
      () => caller.closed,
      () => `kept: ${JSON.stringify(parts)} ${caller.text}`,
    )
  }
  const round = async (requests: number) => {
    let left = requests
    const work = async () => {
      while (left-- > 0) await one()
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    for (const source of ['one', 'many']) await untilIdle(place, source)
    await waitUntil(
      async () => (await count(place.gateway, 'feide_gateway_in_flight_requests')) === 0,
      'in flight',
    )
    // Kept-alive connections to the origins end after 4 s.
    await waitUntil(() => place.origins.every(({ open }) => open === 0), 'left open')
    for (const { requests, connections } of place.origins) {
      requests.length = 0
      connections.length = 0
    }
    return measure(place.gateway.pid)
  }
  const before = await round(REQUESTS / 3)
  const after = await round((REQUESTS * 2) / 3)
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 5)
  expect(after.residentMiB - before.residentMiB).toBeLessThan(60)
  for (const origin of place.origins) origin.answer = () => reply()
  for (const source of ['one', 'many']) expect((await place.ask(source)).status).toBe(200)
  expect(place.gateway.logs.filter(({ msg }) => msg === 'request failed')).toEqual([])
  await place.stop()
}, 180_000)

function measure(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    residentMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
  }
}
