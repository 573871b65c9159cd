import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { request } from '../support/raw.ts'
import { freePort, waitUntil } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { count } from './support.ts'
import { childrenOf, keepAsking, pidsOf, runs, saidBy, tryOnce, untilServing } from './workers.ts'

const SIZE = 3
/** Several processes begin several times; a busy machine takes its time. */
const TIMEOUT = 90_000

let issuer: Issuer
let upstream: Upstream
let gateway: Gateway
beforeAll(async () => {
  ;[issuer, upstream] = await Promise.all([startIssuer(), startUpstream()])
})
afterAll(() => Promise.all([issuer.close(), upstream.close()]))

async function start(more: object = {}): Promise<number[]> {
  gateway = await startGateway(policy({ issuer, upstream, workers: SIZE, ...more }))
  return untilServing(gateway, SIZE)
}
const deaths = () => gateway.logs.filter(({ msg }) => msg === 'worker died')
const kill = (pid: number | undefined, signal: NodeJS.Signals = 'SIGKILL') => {
  if (pid !== undefined) process.kill(pid, signal)
}

describe('a worker that is killed', { timeout: TIMEOUT }, () => {
  let first: number[] = []
  beforeAll(async () => {
    first = await start()
  }, TIMEOUT)
  afterAll(() => gateway.stop(), TIMEOUT)

  test('under load takes with it what it had in flight, and nothing else', async () => {
    const [victim = 0] = first
    const fetches = issuer.fetches
    const load = keepAsking(gateway.port, '/health')
    await waitUntil(() => load.tries.length > 100, 'no load')
    const killedAt = Date.now()
    kill(victim)
    await untilServing(gateway, SIZE, [victim])
    const after = load.tries.length
    await waitUntil(() => load.tries.length > after + 100, 'no load afterwards')
    const tries = await load.stop()
    const later = tries.filter(({ began }) => began > killedAt)
    expect(saidBy(later)).toEqual({ 200: later.length })
    expect(tries.filter(({ said }) => said !== 200).length).toBeLessThanOrEqual(8)
    // The one in its place has its keys from the others.
    expect(issuer.fetches).toBe(fetches)
  })
  test('is replaced at once, and told of once', async () => {
    const before = await pidsOf(gateway)
    const restarts = await count(gateway, 'feide_gateway_worker_restarts_total')
    const victim = first[1] ?? 0
    kill(victim)
    const after = await untilServing(gateway, SIZE, [victim])
    expect(after.filter(pid => before.includes(pid)).length).toBe(SIZE - 1)
    expect(deaths().filter(({ pid }) => pid === victim)).toEqual([
      {
        level: 'error',
        time: expect.any(String),
        pid: victim,
        code: null,
        signal: 'SIGKILL',
        replacedInMs: 0,
        msg: 'worker died',
      },
    ])
    expect(await count(gateway, 'feide_gateway_worker_restarts_total')).toBe(restarts + 1)
    expect(await count(gateway, 'feide_gateway_workers')).toBe(SIZE)
  })
  test('leaves its counts behind: no counter goes back', async () => {
    const pids = await pidsOf(gateway)
    const total = () => count(gateway, 'feide_gateway_requests_total', { status: '200' })
    const cpu = () => count(gateway, 'feide_gateway_process_cpu_seconds_total')
    const ask = (times: number) =>
      Promise.all(Array.from({ length: times }, () => tryOnce(gateway.port, '/health')))
    const from = await total()
    await ask(30)
    await waitUntil(async () => (await total()) === from + 30, 'not all are counted')
    const before = await cpu()
    const seen: number[] = []
    for (const pid of pids) {
      kill(pid)
      await waitUntil(() => !runs(pid), 'it does not die')
      seen.push(await total())
      await untilServing(gateway, SIZE, [pid])
      seen.push(await total())
    }
    expect(seen).toEqual(Array(2 * SIZE).fill(from + 30))
    await ask(12)
    await waitUntil(async () => (await total()) === from + 42, 'not all are counted')
    expect(await cpu()).toBeGreaterThanOrEqual(before)
    expect(await count(gateway, 'feide_gateway_in_flight_requests')).toBe(0)
  })
  test('leaves no connection behind that it was handed and has not taken', async () => {
    const [stuck = 0] = await pidsOf(gateway)
    kill(stuck, 'SIGSTOP')
    const tries = Array.from({ length: 4 * SIZE }, () => tryOnce(gateway.port, '/health'))
    // It stands still with one connection that it has not taken.
    await sleep(500)
    kill(stuck)
    expect(saidBy(await Promise.all(tries))).toEqual({ 200: 4 * SIZE })
    await untilServing(gateway, SIZE, [stuck])
  })
})

describe('a worker that is killed again and again', { timeout: TIMEOUT }, () => {
  afterEach(() => gateway.stop())

  test('is replaced later each time, while the others serve', async () => {
    const pids = await start()
    const others = pids.slice(1)
    let [victim = 0] = pids
    const began: number[] = []
    for (let death = 0; death < 5; death++) {
      const diedAt = Date.now()
      kill(victim)
      const next = () => childrenOf(gateway.pid).find(pid => ![victim, ...others].includes(pid))
      await waitUntil(() => next() !== undefined, 'it is not replaced')
      began.push(Date.now() - diedAt)
      victim = next() ?? 0
    }
    const pauses = [0, 100, 200, 400, 800]
    expect(deaths().map(({ replacedInMs }) => replacedInMs)).toEqual(pauses)
    expect(began.map((ms, death) => ms >= (pauses[death] ?? 0))).toEqual(Array(5).fill(true))
    expect((await tryOnce(gateway.port, '/health')).said).toBe(200)
    await untilServing(gateway, SIZE, pids.slice(0, 1))
  })
})

describe('without any worker', { timeout: TIMEOUT }, () => {
  afterEach(() => gateway.stop())

  test('a gateway is not ready, and is again on the same port by itself', async () => {
    const port = await freePort()
    const before = await start({ listen: `127.0.0.1:${port}` })
    for (const pid of before) kill(pid)
    const reason = 'the workers are being started'
    const asSaid = async () => (await readiness()).body.reason === reason
    await waitUntil(asSaid, 'it does not say that there is none')
    expect(await readiness()).toEqual({ status: 503, body: { status: 'not ready', reason } })
    expect((await gateway.admin('/healthz')).status).toBe(200)
    await untilServing(gateway, SIZE, before)
    expect((await tryOnce(port, '/health')).said).toBe(200)
    expect((await readiness()).status).toBe(200)
    expect(gateway.logs.filter(({ msg }) => msg === 'listening').length).toBe(2)
  })
  test('that answers, a gateway is not ready', async () => {
    const pids = await start()
    for (const pid of pids) kill(pid, 'SIGSTOP')
    expect(await readiness()).toEqual({
      status: 503,
      body: { status: 'not ready', reason: 'a worker does not answer' },
    })
    kill(pids[1], 'SIGCONT')
    await waitUntil(async () => (await readiness()).status === 200, 'not ready with one worker')
    for (const pid of pids) kill(pid, 'SIGCONT')
  })
})

async function readiness() {
  const response = await gateway.admin('/readyz')
  return { status: response.status, body: (await response.json()) as { reason?: string } }
}

describe('the first process', { timeout: TIMEOUT }, () => {
  let sockets: Socket[] = []
  beforeEach(() => {
    sockets = []
  })
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    await gateway.stop()
  })

  test('takes all workers with it when it is killed', async () => {
    const pids = await start()
    sockets = Array.from({ length: 2 * SIZE }, () => connect(gateway.port, '127.0.0.1'))
    const closed = sockets.map(socket => {
      socket.on('error', () => {})
      socket.resume()
      socket.write(request({ target: '/health' }))
      return new Promise(resolve => socket.once('close', resolve))
    })
    await sleep(200)
    kill(gateway.pid)
    await gateway.exited
    await waitUntil(() => !pids.some(runs), 'a worker is left', 2_000)
    await Promise.all(closed)
  })
  test('is not needed for what is in flight while it stands still', async () => {
    await start()
    const kept = connect(gateway.port, '127.0.0.1')
    sockets.push(kept)
    const answer = () =>
      new Promise<string>(resolve => kept.once('data', data => resolve(String(data))))
    kept.write(request({ target: '/me', token: issuer.token() }))
    expect(await answer()).toMatch(/^HTTP\/1\.1 200 /)
    kill(gateway.pid, 'SIGSTOP')
    // Longer than the workers wait for it.
    await sleep(3_000)
    kept.write(request({ target: '/me', token: issuer.token() }))
    const second = await answer()
    kill(gateway.pid, 'SIGCONT')
    expect(second).toMatch(/^HTTP\/1\.1 200 /)
    expect((await pidsOf(gateway)).length).toBe(SIZE)
  })
})
