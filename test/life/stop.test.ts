import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { type Answer, request, sendOne } from '../support/raw.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { holdAnswers } from './support.ts'

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
})

async function start(drain: string): Promise<Gateway> {
  const gateway = await startGateway(policy({ issuer, upstream, limits: { drain } }))
  running.add(gateway)
  return gateway
}

const HEALTH = request({ target: '/health' })

/** A request that has reached the upstream, where it waits. */
async function inFlight(gateway: Gateway): Promise<{ readonly answer: Promise<Answer> }> {
  const answer = sendOne(gateway.port, HEALTH, { timeout: 15_000 })
  answer.catch(() => {})
  await until(() => upstream.requests.length > 0)
  return { answer }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${holds}`)
    await sleep(10)
  }
}

const draining = (gateway: Gateway) => gateway.waitForLog(({ msg }) => msg === 'draining')

const connects = (port: number) =>
  new Promise<boolean>(resolve => {
    const socket = connect(port, '127.0.0.1')
    const settle = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.on('connect', () => settle(true))
    socket.on('error', () => settle(false))
  })

/** How a process ended, and after how many milliseconds. */
async function end(gateway: Gateway) {
  const from = Date.now()
  const code = await gateway.exited
  return { code, ms: Date.now() - from }
}

describe.for(['SIGTERM', 'SIGINT'] as const)('%s', signal => {
  test('stops accepting, finishes what is in flight and ends with 0', async () => {
    const gateway = await start('20s')
    const held = holdAnswers(upstream)
    const { answer } = await inFlight(gateway)
    gateway.signal(signal)
    await draining(gateway)
    await until(async () => !(await connects(gateway.port)))
    const ready = await gateway.admin('/readyz')
    const alive = await gateway.admin('/healthz')
    held.letGo()
    const { status, body, complete } = await answer
    expect({ status, body, complete }).toEqual({ status: 200, body: '{"ok":true}', complete: true })
    expect(await gateway.exited).toBe(0)
    expect([ready.status, await ready.json(), alive.status]).toEqual([
      503,
      { status: 'not ready', reason: 'the gateway is shutting down' },
      200,
    ])
    const messages = gateway.logs.map(({ msg }) => msg)
    expect(messages.slice(messages.indexOf('draining'))).toEqual(['draining', 'request', 'stopped'])
  })
  test('a second one ends it at once, with 1', async () => {
    const gateway = await start('20s')
    const held = holdAnswers(upstream)
    await inFlight(gateway)
    gateway.signal(signal)
    await draining(gateway)
    gateway.signal(signal === 'SIGTERM' ? 'SIGINT' : 'SIGTERM')
    const { code, ms } = await end(gateway)
    held.letGo()
    expect({ code, isAtOnce: ms < 3000 }).toEqual({ code: 1, isAtOnce: true })
  })
})

describe('what is in flight has `limits.drain` to finish', () => {
  test('a request that takes longer is cut off, and the gateway ends with 0', async () => {
    const gateway = await start('300ms')
    const held = holdAnswers(upstream)
    const { answer } = await inFlight(gateway)
    gateway.signal('SIGTERM')
    const { code, ms } = await end(gateway)
    held.letGo()
    await expect(answer).rejects.toThrow()
    expect({ code, isInTime: ms >= 250 && ms < 5000 }).toEqual({ code: 0, isInTime: true })
  })
  test('a WebSocket is cut off then', async () => {
    const gateway = await start('300ms')
    upstream.answer = () =>
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'
    const socket = connect(gateway.port, '127.0.0.1')
    const headers = {
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version': '13',
    }
    socket.write(request({ target: '/health', headers }))
    const first = await new Promise(resolve => socket.once('data', resolve))
    const closed = new Promise<void>(resolve => socket.on('close', () => resolve()))
    socket.on('error', () => {})
    gateway.signal('SIGTERM')
    const { code, ms } = await end(gateway)
    await closed
    expect(String(first)).toMatch(/^HTTP\/1\.1 101 /)
    expect({ code, isInTime: ms < 5000 }).toEqual({ code: 0, isInTime: true })
  })
  test('a connection that is kept after the last answer holds nobody up', async () => {
    const gateway = await start('20s')
    const held = holdAnswers(upstream)
    const socket = connect(gateway.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(HEALTH)
    await until(() => upstream.requests.length > 0)
    gateway.signal('SIGTERM')
    await draining(gateway)
    const answer = new Promise(resolve => socket.once('data', resolve))
    held.letGo()
    expect(String(await answer)).toMatch(/^HTTP\/1\.1 200 /)
    const { code, ms } = await end(gateway)
    expect({ code, isSoon: ms < 5000 }).toEqual({ code: 0, isSoon: true })
  })
  test('connections that wait for a next request hold nobody up', async () => {
    const gateway = await start('20s')
    const idle = connect(gateway.port, '127.0.0.1')
    idle.on('error', () => {})
    idle.write(HEALTH)
    await new Promise(resolve => idle.once('data', resolve))
    const silent = connect(gateway.port, '127.0.0.1')
    silent.on('error', () => {})
    await new Promise(resolve => silent.once('connect', resolve))
    gateway.signal('SIGTERM')
    const { code, ms } = await end(gateway)
    expect({ code, isSoon: ms < 5000 }).toEqual({ code: 0, isSoon: true })
  })
})
