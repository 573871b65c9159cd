import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { request, sendOne } from '../support/raw.ts'
import { waitUntil } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { holdAnswers } from './support.ts'
import { keepAsking, pidsOf, runs, saidBy, startWorkers, untilServing } from './workers.ts'

const SIZE = 2
/** Several processes begin several times; a busy machine takes its time. */
const TIMEOUT = 90_000

let issuer: Issuer
let upstream: Upstream
beforeAll(async () => {
  ;[issuer, upstream] = await Promise.all([startIssuer(), startUpstream()])
})
beforeEach(() => upstream.reset())
afterAll(() => Promise.all([issuer.close(), upstream.close()]))

const running = new Set<Gateway>()
afterEach(async () => {
  for (const gateway of running) await gateway.stop()
  running.clear()
}, TIMEOUT)

const rules = (drain = '20s') => policy({ issuer, upstream, workers: SIZE, limits: { drain } })

/** In a process group of its own, so that all its processes can be signalled as a terminal does. */
async function start(drain?: string) {
  const gateway = await startGateway(rules(drain), { group: true })
  running.add(gateway)
  return { gateway, pids: await untilServing(gateway, SIZE) }
}

const HEALTH = request({ target: '/health' })

/** Requests that have reached the upstream, where they wait; each worker has some. */
async function inFlight({ port }: Gateway) {
  const answers = Array.from({ length: 3 * SIZE }, () => sendOne(port, HEALTH, { timeout: 60_000 }))
  const outcomes = answers.map(answer =>
    answer.then(
      ({ status }) => status,
      () => 'cut',
    ),
  )
  await waitUntil(() => upstream.requests.length === 3 * SIZE, 'not all are there')
  return Promise.all(outcomes)
}

const ways = [
  ['SIGTERM to the first process', ({ pid }: Gateway) => process.kill(pid, 'SIGTERM')],
  ['SIGTERM to all processes', ({ pid }: Gateway) => process.kill(-pid, 'SIGTERM')],
  [
    'SIGINT to all processes, as a terminal sends it',
    ({ pid }: Gateway) => process.kill(-pid, 'SIGINT'),
  ],
] as const

describe.for(ways)('%s', { timeout: TIMEOUT }, ([, stop]) => {
  test('finishes what is in flight in all workers, and ends with 0', async () => {
    const { gateway, pids } = await start()
    const held = holdAnswers(upstream)
    const answers = inFlight(gateway)
    await waitUntil(() => upstream.requests.length === 3 * SIZE, 'not all are there')
    stop(gateway)
    await gateway.waitForLog(({ msg }) => msg === 'draining', 30_000)
    await waitUntil(() => refuses(gateway.port), 'it still accepts')
    const ready = await gateway.admin('/readyz')
    held.letGo()
    expect(await answers).toEqual(Array(3 * SIZE).fill(200))
    expect(await gateway.exited).toBe(0)
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { status: 'not ready', reason: 'the gateway is shutting down' },
    ])
    expect(pids.filter(runs)).toEqual([])
    const messages = gateway.logs.map(({ msg }) => msg)
    expect(messages.slice(messages.indexOf('draining'))).toEqual([
      'draining',
      ...Array(3 * SIZE).fill('request'),
      'stopped',
    ])
    expect(gateway.errorText).toBe('')
  })
  test('under load fails no request that a worker has', async () => {
    const { gateway, pids } = await start()
    const load = keepAsking(gateway.port, '/health')
    await waitUntil(() => load.tries.length > 100, 'no load')
    stop(gateway)
    expect(await gateway.exited).toBe(0)
    const tries = await load.stop()
    const seen = upstream.requests.length
    const { 200: answered, ...others } = saidBy(tries)
    expect(answered).toBe(seen)
    // Those that came to nobody were not accepted, or closed without a byte.
    const words = Object.keys(others).filter(word => !/^expected one answer, got 0/.test(word))
    expect(words).toEqual([])
    expect(pids.filter(runs)).toEqual([])
  })
})

describe('a connection that no worker takes any more', { timeout: TIMEOUT }, () => {
  test('is closed at once, though the gateway still finishes something', async () => {
    const { gateway } = await start()
    const held = holdAnswers(upstream)
    const answers = inFlight(gateway)
    await waitUntil(() => upstream.requests.length === 3 * SIZE, 'not all are there')
    // What the gateway answers by itself; many at once, so that some are on their way to a worker.
    const load = keepAsking(gateway.port, '/nowhere', 64)
    await waitUntil(() => load.tries.length > 200, 'no load')
    gateway.signal('SIGTERM')
    await waitUntil(() => refuses(gateway.port), 'it still accepts')
    const tries = await load.stop()
    held.letGo()
    expect(await answers).toEqual(Array(3 * SIZE).fill(200))
    expect(tries.filter(({ said }) => String(said).startsWith('no full answer'))).toEqual([])
  })
})

const refuses = (port: number) =>
  new Promise<boolean>(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.on('error', () => resolve(true))
  })

describe('a second signal', { timeout: TIMEOUT }, () => {
  test('ends all processes at once, with 1, also one that stands still', async () => {
    const { gateway, pids } = await start()
    const held = holdAnswers(upstream)
    const answers = inFlight(gateway)
    await waitUntil(() => upstream.requests.length === 3 * SIZE, 'not all are there')
    process.kill(pids[0] ?? 0, 'SIGSTOP')
    gateway.signal('SIGTERM')
    await gateway.waitForLog(({ msg }) => msg === 'draining', 30_000)
    gateway.signal('SIGINT')
    expect(await gateway.exited).toBe(1)
    await waitUntil(() => !pids.some(runs), 'a worker is left', 2_000)
    held.letGo()
    expect(await answers).toEqual(Array(3 * SIZE).fill('cut'))
  })
})

describe('what is in flight has `limits.drain` to finish', { timeout: TIMEOUT }, () => {
  test('in every worker; then it is cut off, and the gateway ends with 0', async () => {
    const { gateway, pids } = await start('300ms')
    const held = holdAnswers(upstream)
    const answers = inFlight(gateway)
    await waitUntil(() => upstream.requests.length === 3 * SIZE, 'not all are there')
    gateway.signal('SIGTERM')
    expect(await gateway.exited).toBe(0)
    held.letGo()
    expect(await answers).toEqual(Array(3 * SIZE).fill('cut'))
    expect(pids.filter(runs)).toEqual([])
  })
  test('and a worker that does not hear at all is ended some seconds later', async () => {
    const { gateway, pids } = await start('300ms')
    const [stuck = 0] = pids
    process.kill(stuck, 'SIGSTOP')
    gateway.signal('SIGTERM')
    expect(await gateway.exited).toBe(0)
    expect(pids.filter(runs)).toEqual([])
    expect(gateway.logs.find(({ msg }) => msg === 'workers did not end in time')).toMatchObject({
      level: 'warn',
      pids: [stuck],
    })
  })
})

describe('a signal while the workers begin', { timeout: TIMEOUT }, () => {
  const signals = [
    ['SIGTERM', 1],
    ['SIGTERM', -1],
    ['SIGINT', -1],
  ] as const
  test.for(signals)('%s (to %i) ends all processes', async ([signal, whom]) => {
    const { pid, pids, exited, cleanUp } = await startWorkers(rules(), SIZE)
    try {
      // Somewhere between the first line of their program and the last one of their start.
      await sleep(Math.random() * 400)
      process.kill(whom * pid, signal)
      const { code, stdout, stderr } = await exited
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(pids.filter(runs)).toEqual([])
      expect(stdout).not.toContain('worker died')
    } finally {
      cleanUp()
    }
  })
})

describe('a worker alone', { timeout: TIMEOUT }, () => {
  test('obeys no signal but the one that nobody can ignore', async () => {
    const { gateway, pids } = await start()
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      for (const pid of pids) process.kill(pid, signal)
    }
    await sleep(500)
    expect(await pidsOf(gateway)).toEqual(pids)
    expect((await sendOne(gateway.port, HEALTH)).status).toBe(200)
  })
})
