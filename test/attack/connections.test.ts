import { readdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type HeaderList, request, send } from '../support/raw.ts'
import { reply } from '../support/upstream.ts'
import { startWorld, type World } from '../support/world.ts'

/** What one connection, often without a token, once did to the gateway. */

const WEBSOCKET: HeaderList = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
]
const MIB = 1024 * 1024

let world: World
beforeAll(async () => {
  const routes = { 'ANY /open/**': 'public', 'GET /me': 'authenticated' }
  const upstream = { idleTimeout: '1s' }
  world = await startWorld({
    limits: { drain: '2s' },
    dataSources: { grades: { upstream, routes } },
  })
})
afterAll(() => world?.stop())

const descriptors = () => readdirSync(`/proc/${world.gateway.pid}/fd`).length
const residentMiB = () => {
  const status = readFileSync(`/proc/${world.gateway.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}
const isAlive = async () => (await world.gateway.admin('/healthz')).status === 200

async function open(bytes: string | Buffer): Promise<Socket> {
  const socket = connect(world.gateway.port, '127.0.0.1')
  socket.on('error', () => {})
  await new Promise(resolve => socket.once('connect', resolve))
  socket.write(bytes)
  return socket
}

async function until(holds: () => boolean, limit = 5_000): Promise<boolean> {
  for (const end = Date.now() + limit; Date.now() < end; await sleep(20)) if (holds()) return true
  return holds()
}

describe('a reset behind a request that waits', () => {
  const SECOND = [
    ['an upgrade', request({ target: '/open/ws', headers: WEBSOCKET })],
    ['an upgrade that nothing routes', request({ target: '/nothing', headers: WEBSOCKET })],
    ['a CONNECT', Buffer.from('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n')],
  ] as const
  test.each(SECOND)('and %s does not end the process', async (_, second) => {
    world.upstream.answer = () => sleep(100).then(() => reply())
    const socket = await open(Buffer.concat([request({ target: '/open/slow' }), second]))
    await sleep(30)
    socket.resetAndDestroy()
    await sleep(200)
    expect(await isAlive()).toBe(true)
  })
})

test('a flood of pipelined requests is let go, and nobody else waits', async () => {
  world.upstream.answer = () => undefined
  const flood = 'GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(30_000)
  const socket = await open(flood)
  const closed = await until(() => socket.destroyed || socket.readyState !== 'open')
  socket.destroy()
  const before = Date.now()
  expect({ alive: await isAlive(), closed, prompt: Date.now() - before < 2_000 }).toEqual({
    alive: true,
    closed: true,
    prompt: true,
  })
})

test('bytes behind a request that waits are not kept', async () => {
  world.upstream.answer = () => undefined
  const before = residentMiB()
  const socket = await open(request({ target: '/open/slow' }))
  const spaces = Buffer.alloc(MIB, ' ')
  for (let sent = 0; sent < 150 && !socket.destroyed; sent++) {
    if (!socket.write(spaces)) {
      await Promise.race([new Promise(resolve => socket.once('drain', resolve)), sleep(1_000)])
    }
  }
  const grown = residentMiB() - before
  socket.destroy()
  expect(grown).toBeLessThan(120)
})

test('callers that leave while their token is verified leave no tunnel behind', async () => {
  world.upstream.reset()
  world.upstream.answer = () =>
    reply({ status: 101, bare: true, headers: { Connection: 'Upgrade', Upgrade: 'websocket' } })
  const before = descriptors()
  for (let i = 0; i < 60; i++) {
    const token = world.issuer.token()
    const socket = await open(request({ target: '/me', headers: WEBSOCKET, token }))
    await sleep(i % 4)
    socket.resetAndDestroy()
  }
  const tunnels = () => world.upstream.connections.filter(({ closed }) => !closed).length
  expect(await until(() => tunnels() === 0 && descriptors() <= before + 2)).toBe(true)
})

test('a declined upgrade streams no faster than its caller reads', async () => {
  let sent = 0
  world.upstream.answer = async (_request, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${300 * MIB}\r\n\r\n`)
    for (; sent < 300 && !socket.destroyed; sent++) {
      if (socket.write(Buffer.alloc(MIB, 'a'))) continue
      await Promise.race([new Promise(resolve => socket.once('drain', resolve)), sleep(5_000)])
    }
    return undefined
  }
  const before = residentMiB()
  const socket = await open(request({ target: '/open/big', headers: WEBSOCKET }))
  socket.pause()
  await sleep(800)
  const grown = residentMiB() - before
  socket.destroy()
  expect({ grown: grown < 100, sent: sent < 300 }).toEqual({ grown: true, sent: true })
})

test('an answer is whole though an upgrade was sent behind its request', async () => {
  const body = Buffer.alloc(8 * MIB, 'b')
  world.upstream.answer = ({ target }) => (target === '/open/big' ? reply({ body }) : reply())
  const bytes = [
    request({ target: '/open/big' }),
    request({ target: '/open/ws', headers: WEBSOCKET }),
  ]
  const [first] = await send(world.gateway.port, Buffer.concat(bytes), {
    answers: 2,
    timeout: 15_000,
  })
  expect(first?.body.length).toBe(body.length)
})

test('names of headers that callers make up are not kept', async () => {
  world.upstream.answer = () => reply()
  const before = residentMiB()
  for (let i = 0; i < 300; i++) {
    const name = `X-${i}-`.padEnd(30_000, 'n')
    await send(world.gateway.port, request({ target: '/open/a', headers: [[name, 'v']] }), {
      settle: 0,
    })
  }
  expect(residentMiB() - before).toBeLessThan(60)
})
