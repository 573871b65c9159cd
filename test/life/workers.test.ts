import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, type Gateway, startGateway, writeTemporary } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { request, sendOne } from '../support/raw.ts'
import { waitUntil } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { count, holdAnswers, samplesOf } from './support.ts'
import { childrenOf, connectionsOf, pidsOf, statusOf, untilServing, workersOf } from './workers.ts'

const SIZE = 4
const COOLDOWN = 3_000
/** Several processes begin several times; a busy machine takes its time. */
const TIMEOUT = 90_000

let issuer: Issuer
let upstream: Upstream
beforeAll(async () => {
  ;[issuer, upstream] = await Promise.all([startIssuer(), startUpstream()])
})
afterAll(() => Promise.all([issuer.close(), upstream.close()]))

const text = (more: object = {}) => {
  const keys = { unknownKidCooldown: `${COOLDOWN}ms` }
  return policy({ issuer, upstream, workers: SIZE, keys, ...more })
}

const ask = (gateway: Gateway, target: string, token?: string) =>
  sendOne(gateway.port, request({ target, token }))

let gateway: Gateway
beforeAll(async () => {
  gateway = await startGateway(text())
  await untilServing(gateway, SIZE)
}, TIMEOUT)
afterAll(() => gateway?.stop(), TIMEOUT)

describe(`a gateway with ${SIZE} workers`, { timeout: TIMEOUT }, () => {
  test('says once per listener that it listens', () => {
    const line = {
      level: 'info',
      time: expect.any(String),
      msg: 'listening',
      address: '127.0.0.1',
    }
    expect(gateway.logs.filter(({ msg }) => msg === 'listening')).toEqual([
      { ...line, listener: 'gateway', port: gateway.port },
      { ...line, listener: 'admin', port: gateway.adminPort },
    ])
  })
  test('fetches the key set once for all of them, without a Redis', async () => {
    expect(issuer.fetches).toBe(1)
    expect(gateway.logs.filter(({ msg }) => msg === 'keys fetched')).toEqual([
      {
        level: 'info',
        time: expect.any(String),
        from: 'issuer',
        kids: ['key-1'],
        unusable: [],
        worker: expect.any(Number),
        msg: 'keys fetched',
      },
    ])
    expect(await count(gateway, 'feide_gateway_key_fetches_total')).toBe(1)
  })
  test('is ready, and tells in /status of one gateway and of each worker', async () => {
    expect((await gateway.admin('/readyz')).status).toBe(200)
    expect(await statusOf(gateway)).toEqual({
      version: expect.any(String),
      policy: { hash: expect.stringMatching(/^[0-9a-f]{64}$/), loadedAt: expect.any(String) },
      keys: {
        source: 'issuer',
        age: expect.any(Number),
        kids: ['key-1'],
        unusable: [],
        distrusted: [],
        nextRefresh: expect.any(String),
        lastError: null,
      },
      redis: null,
      upstreams: [
        {
          dataSource: 'grades',
          active: 0,
          pending: 0,
          origins: [{ origin: upstream.url, usable: true, inFlight: 0 }],
        },
      ],
      workers: Array(SIZE).fill({
        pid: expect.any(Number),
        startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        notReady: null,
      }),
    })
    const pids = await pidsOf(gateway)
    expect(childrenOf(gateway.pid).sort()).toEqual(pids.sort())
  })
  test('spreads connections over all of them, and keeps none in the first process', async () => {
    const sockets = Array.from({ length: 4 * SIZE }, () => connect(gateway.port, '127.0.0.1'))
    const answers = sockets.map(socket => {
      socket.write(request({ target: '/health' }))
      return new Promise(resolve => socket.once('data', resolve))
    })
    await Promise.all(answers)
    const held = (await pidsOf(gateway)).map(pid => connectionsOf(pid, gateway.port))
    const inFirst = connectionsOf(gateway.pid, gateway.port)
    for (const socket of sockets) socket.destroy()
    expect(held.reduce((sum, one) => sum + one, 0)).toBe(4 * SIZE)
    expect(Math.min(...held)).toBeGreaterThan(0)
    expect(inFirst).toBe(0)
  })
  test('decides alike in all of them', async () => {
    const asked = Array.from({ length: 3 * SIZE }, async () => {
      const answers = [
        await ask(gateway, '/me', issuer.token()),
        await ask(gateway, '/me'),
        await ask(gateway, '/nowhere'),
      ]
      return answers.map(({ status }) => status).join()
    })
    expect(await Promise.all(asked)).toEqual(Array(3 * SIZE).fill('200,401,404'))
  })
  test('adds up what they count', async () => {
    const health = { route: '/health', status: '200' }
    const counts = async () => ({
      requests: await count(gateway, 'feide_gateway_requests_total', health),
      durations: await count(gateway, 'feide_gateway_request_duration_seconds_count', {
        route: '/health',
      }),
    })
    const before = await counts()
    await Promise.all(Array.from({ length: 40 }, () => ask(gateway, '/health')))
    const sum = async () => (await counts()).requests - before.requests === 40
    await waitUntil(sum, 'not all requests are counted')
    expect((await counts()).durations - before.durations).toBe(40)
  })
  test('writes each line of its log whole', async () => {
    const ids = Array.from({ length: 600 }, (_, index) => `${'i'.repeat(100)}-${index}`)
    const one = (id: string) =>
      sendOne(gateway.port, request({ target: '/health', headers: { 'X-Request-Id': id } }))
    for (let from = 0; from < ids.length; from += 60) {
      await Promise.all(ids.slice(from, from + 60).map(one))
    }
    const logged = () => gateway.logs.filter(({ requestId }) => ids.includes(String(requestId)))
    await waitUntil(() => logged().length >= ids.length, 'not all are logged')
    expect(new Set(logged().map(({ requestId }) => requestId)).size).toBe(ids.length)
    const lines = gateway.logText.split('\n').slice(0, -1)
    expect(lines.length).toBe(gateway.logs.length)
  })
  test('adds up what is in flight', async () => {
    const held = holdAnswers(upstream)
    const answers = Array.from({ length: 2 * SIZE }, () => ask(gateway, '/health'))
    const inFlight = () => count(gateway, 'feide_gateway_in_flight_requests')
    await waitUntil(async () => (await inFlight()) === 2 * SIZE, 'not all are in flight')
    const { upstreams } = await statusOf(gateway)
    held.letGo()
    await Promise.all(answers)
    const origins = [{ origin: upstream.url, usable: true, inFlight: 2 * SIZE }]
    expect(upstreams).toEqual([{ dataSource: 'grades', active: 2 * SIZE, pending: 0, origins }])
    await waitUntil(async () => (await inFlight()) === 0, 'some are still in flight')
  })
  test('tells of its processes in a way that makes sense', async () => {
    const samples = await samplesOf(gateway)
    const valuesOf = (name: string) =>
      samples.filter(one => one.name === `feide_gateway_${name}`).map(({ value }) => value)
    const startedAt = (await workersOf(gateway)).map(one => Date.parse(one.startedAt) / 1000)
    const [since = 0] = valuesOf('process_start_time_seconds')
    const [memory = 0] = valuesOf('process_resident_memory_bytes')
    expect(valuesOf('workers')).toEqual([SIZE])
    expect(valuesOf('worker_restarts_total')).toEqual([0])
    expect(valuesOf('key_set_keys')).toEqual([1])
    // There is none.
    expect(valuesOf('redis_up')).toEqual([])
    for (const name of ['build_info', 'policy_info', 'policy_last_reload_successful', 'ready']) {
      expect([name, valuesOf(name)]).toEqual([name, [1]])
    }
    // prom-client rounds it to the nearest second.
    expect(since).toBeLessThanOrEqual(Math.min(...startedAt) + 0.5)
    expect(since).toBeGreaterThan(Math.min(...startedAt) - 60)
    expect(memory).toBeGreaterThan(SIZE * 30e6)
    expect(samples.filter(({ name }) => !name.startsWith('feide_gateway_'))).toEqual([])
  })
  test('lets `keys` look at its key set', async () => {
    const { directory, file } = writeTemporary(text({ admin: `127.0.0.1:${gateway.adminPort}` }))
    const { code, stdout } = await cli(['keys', '--config', file])
    rmSync(directory, { recursive: true })
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({
      code: 0,
      source: 'issuer',
      kids: ['key-1'],
    })
  })
})

describe('the keys of a gateway with workers', { timeout: TIMEOUT }, () => {
  test('are fetched once on SIGHUP', async () => {
    const before = issuer.fetches
    const reloaded = () => gateway.logs.some(({ msg }) => msg === 'policy reloaded')
    gateway.signal('SIGHUP')
    await waitUntil(reloaded, 'not reloaded')
    await waitUntil(() => issuer.fetches > before, 'not fetched')
    await waitUntil(async () => (await statusOf(gateway)).keys.age === 0, 'not new')
    expect(issuer.fetches - before).toBe(1)
  })
  test('are fetched at most once per cooldown for key ids that nobody knows', async () => {
    const unknown = (index: number) => issuer.token({}, { header: { kid: `unknown-${index}` } })
    const before = issuer.fetches
    const began = Date.now()
    const codes = new Set<string>()
    while (Date.now() - began < 2.5 * COOLDOWN) {
      // All at once they would join one fetch; one after the other each worker could have its own.
      const { body } = await ask(gateway, '/me', unknown(Math.random()))
      codes.add(JSON.parse(body).code)
    }
    const took = Date.now() - began
    const fetches = issuer.fetches - before
    expect([...codes]).toEqual(['token_key_unknown'])
    expect(fetches).toBeGreaterThanOrEqual(1)
    expect(fetches).toBeLessThanOrEqual(1 + Math.floor(took / COOLDOWN))
  })
  test('become known to all of them when one has met a new one', async () => {
    const before = issuer.fetches
    await sleep(COOLDOWN)
    issuer.rotate('key-2')
    const answers = Array.from({ length: 3 * SIZE }, () => ask(gateway, '/me', issuer.token()))
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(
      Array(3 * SIZE).fill(200),
    )
    expect(issuer.fetches - before).toBe(1)
  })
})

describe('workers', { timeout: TIMEOUT }, () => {
  test('`auto` is one for each core', async () => {
    const gateway = await startGateway(text({ workers: 'auto' }))
    const children = childrenOf(gateway.pid).length
    expect(await gateway.stop()).toBe(0)
    expect(children).toBe(availableParallelism() === 1 ? 0 : availableParallelism())
  })
  test('that are full let the next connection go', async () => {
    const gateway = await startGateway(text({ workers: 2, limits: { connections: 2 } }))
    const outcomes = Array.from({ length: 12 }, () => outcomeOf(gateway.port))
    const said = (await Promise.all(outcomes.map(({ outcome }) => outcome))).sort()
    for (const { socket } of outcomes) socket.destroy()
    expect(await gateway.stop()).toBe(0)
    const answered = said.filter(word => word === 'answered').length
    expect(said).toEqual([
      ...Array(answered).fill('answered'),
      ...Array(12 - answered).fill('closed'),
    ])
    // Each has at most two, and takes no more than the one that it is offered.
    expect([2, 3, 4]).toContain(answered)
  })
  test('are not ready while none of them has keys, and say why', async () => {
    issuer.fail = 'error'
    const gateway = await startGateway(text({ workers: 2 }))
    const url = `${issuer.url}/.well-known/openid-configuration`
    const reason = `the keys of the issuer are not known: ${url}: status 500`
    const said = async () => (await gateway.admin('/readyz')).text()
    try {
      await gateway.waitForLog(({ msg }) => msg === 'keys not fetched', 30_000)
      expect(JSON.parse(await said())).toEqual({ status: 'not ready', reason })
      expect((await statusOf(gateway)).keys).toMatchObject({ source: null })
    } finally {
      issuer.fail = undefined
    }
    await untilServing(gateway, 2)
    expect(JSON.parse(await said())).toEqual({ status: 'ready' })
    expect(await gateway.stop()).toBe(0)
  })
  test('1 is a single process', async () => {
    const gateway = await startGateway(text({ workers: 1 }))
    const status = await statusOf(gateway)
    const children = childrenOf(gateway.pid)
    expect(await gateway.stop()).toBe(0)
    expect({ children, hasWorkers: 'workers' in status }).toEqual({
      children: [],
      hasWorkers: false,
    })
  })
  test('do without an admin server', async () => {
    const gateway = await startGateway(text({ workers: 2, admin: 'off' }))
    const { status } = await ask(gateway, '/health')
    expect(await gateway.stop()).toBe(0)
    const listeners = gateway.logs.filter(({ msg }) => msg === 'listening')
    expect({ status, listeners: listeners.map(({ listener }) => listener) }).toEqual({
      status: 200,
      listeners: ['gateway'],
    })
    expect(gateway.errorText).toBe('')
  })
})

/** A connection that stays open once it is served. */
function outcomeOf(port: number) {
  const socket = connect(port, '127.0.0.1')
  socket.write(request({ target: '/health' }))
  const outcome = new Promise<string>(resolve => {
    socket.once('data', () => resolve('answered'))
    socket.once('error', () => resolve('closed'))
    socket.once('end', () => resolve('closed'))
  })
  return { socket, outcome }
}
