import type { ClientHttp2Session } from 'node:http2'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { holdAnswers } from '../life/support.ts'
import { connectionsOf, pidsOf, untilServing } from '../life/workers.ts'
import { policy } from '../support/policy.ts'
import { waitUntil } from '../support/redis.ts'
import { startWorld, type World } from '../support/world.ts'
import { ask, certificateFiles, open, openSession, VERSIONS } from './support.ts'

/** TLS and HTTP/2 where several processes serve. */

const SIZE = 2
/** Several processes begin several times; a busy machine takes its time. */
const TIMEOUT = 90_000

const { tls, show, remove } = certificateFiles()
let world: World
beforeAll(async () => {
  world = await startWorld({ tls, workers: SIZE })
  await untilServing(world.gateway, SIZE)
}, TIMEOUT)
beforeEach(() => world.upstream.reset())
afterAll(async () => {
  await world?.stop()
  remove()
}, TIMEOUT)

/** Connects, and tells what is to be known at an event of the connection. */
function handshake<T>(
  event: 'secureConnect' | 'session',
  tell: (socket: TLSSocket, ticket: Buffer) => T,
  session?: Buffer,
): Promise<T> {
  const to = { port: world.gateway.port, host: '127.0.0.1', rejectUnauthorized: false }
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({ ...to, ...(session && { session }) })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
    socket.once(event, (ticket: Buffer) => {
      resolve(tell(socket, ticket))
      socket.destroy()
    })
  })
}
const names = async () => {
  const name = () => handshake('secureConnect', one => one.getPeerCertificate().subject.CN)
  return [...new Set(await Promise.all(Array.from({ length: 6 * SIZE }, name)))]
}

async function untilLogged(msg: string, act: () => void) {
  const such = () => world.gateway.logs.filter(line => line.msg === msg).length
  const before = such()
  act()
  await waitUntil(
    () => such() > before,
    () => `no "${msg}":\n${world.gateway.logText}`,
    30_000,
  )
}

describe('workers with TLS', { timeout: TIMEOUT }, () => {
  test.for(VERSIONS)('all speak %s', async version => {
    const { gateway, issuer } = world
    const token = issuer.token()
    const sessions: ClientHttp2Session[] = []
    const one = async () => {
      const session = version === 'HTTP/2' ? openSession(gateway.port) : undefined
      if (session) sessions.push(session)
      return (await ask(version, gateway.port, { path: '/courses', token }, session)).status
    }
    const statuses = await Promise.all(Array.from({ length: 4 * SIZE }, one))
    const held = (await pidsOf(gateway)).map(pid => connectionsOf(pid, gateway.port))
    for (const session of sessions) session.close()
    expect(statuses).toEqual(Array(4 * SIZE).fill(200))
    if (version === 'HTTP/2') expect(Math.min(...held)).toBeGreaterThan(0)
  })
  test("take up each other's sessions", async () => {
    // TLS 1.3 sends it behind the handshake.
    const ticket = await handshake('session', (_socket, given) => given)
    const again: boolean[] = []
    for (let round = 0; round < 3 * SIZE; round++) {
      again.push(await handshake('secureConnect', one => one.isSessionReused(), ticket))
    }
    expect(again).toEqual(Array(3 * SIZE).fill(true))
  })
  test('all show a new certificate once the reload is told', async () => {
    expect(await names()).toEqual(['first.test'])
    await untilLogged('policy reloaded', () => show('second'))
    await waitUntil(async () => (await names()).join() === 'second.test', 'not all show it')
  })
  test('keep TLS until the next start, also in the place of one that has died', async () => {
    const { issuer, upstream, gateway } = world
    const shown = await names()
    const told = 'listen, admin, workers or tls changed: they take effect at the next start'
    const routes = { 'GET /new': 'public' }
    const plain = policy({ issuer, upstream, workers: SIZE, dataSources: { grades: { routes } } })
    await untilLogged(told, () => gateway.writePolicy(plain))
    const [victim = 0] = await pidsOf(gateway)
    process.kill(victim, 'SIGKILL')
    await untilServing(gateway, SIZE, [victim])
    expect(await names()).toEqual(shown)
    const one = async (path: string) => (await ask('HTTP/2', gateway.port, { path })).status
    const all = (path: string) => Promise.all(Array.from({ length: 4 * SIZE }, () => one(path)))
    expect(new Set(await all('/new'))).toEqual(new Set([200]))
    expect(new Set(await all('/health'))).toEqual(new Set([404]))
  })
  test('told to stop, finish what is in flight', async () => {
    const { gateway, upstream, stop } = await startWorld({ tls, workers: SIZE })
    const held = holdAnswers(upstream)
    try {
      await untilServing(gateway, SIZE)
      const call = open('HTTP/2', gateway.port, { path: '/health' })
      call.out.end()
      await waitUntil(() => upstream.requests.length === 1, 'no request')
      gateway.signal('SIGTERM')
      await gateway.waitForLog(({ msg }) => msg === 'draining')
      held.letGo()
      const { status } = await call.head
      ;(await call.body).resume()
      expect([status, await call.end, await gateway.exited]).toEqual([200, 'whole', 0])
    } finally {
      await stop()
    }
  })
})
