import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Answer, type Caller, isAnswer, openCaller, type Silence } from './caller.ts'
import { descriptorsOf, needDescriptors } from './figures.ts'
import { type Scene, settled, startScene } from './scene.ts'

const EACH = 1_000
/** Milliseconds: an event stream is idle while the others are opened. */
const PATIENCE = 180_000
/** Connections that are opened at once. */
const BATCH = 100

let scene: Scene
beforeEach(async () => {
  const routes = { 'GET /socket': 'authenticated', 'GET /events': 'authenticated' }
  scene = await startScene({ limits: { drain: '2s' }, dataSources: { grades: { routes } } })
  // Both ends of each: the caller's and the one to the upstream.
  needDescriptors(scene.gateway.pid, 4 * EACH + 500)
  needDescriptors(process.pid, 2 * EACH + 500)
})
afterEach(() => scene?.stop())

let number = 0
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

function open(path: string, fields: string, token: string): Caller {
  const caller = openCaller(scene.gateway.port, PATIENCE)
  const own = `Host: a\r\nAuthorization: Bearer ${token}\r\n`
  caller.write(`GET ${path}&n=f${++number} HTTP/1.1\r\n${own}${fields}\r\n`)
  return caller
}

const statusOf = (came: Answer | Silence) => (isAnswer(came) ? came.status : came.silence)

/** A WebSocket over which a message has gone and come back. */
async function openSocket(token: string): Promise<Caller> {
  const caller = open('/socket?a=websocket', UPGRADE, token)
  expect(statusOf(await caller.answer('GET'))).toBe(101)
  const echo = new Promise(resolve => caller.onTunnel(resolve))
  caller.write('hello')
  expect(String(await echo)).toBe('hello')
  return caller
}

/** A stream of events, of which the first has come. */
async function openEvents(token: string): Promise<Caller> {
  const caller = open('/events?a=events', 'Accept: text/event-stream\r\n', token)
  const event = new Promise(resolve => caller.onBody(resolve))
  void caller.answer('GET')
  expect(String(await event)).toMatch(/^data: hello\n\n$/m)
  return caller
}

async function openCrowd(): Promise<Caller[]> {
  const token = scene.issuer.token()
  const callers: Caller[] = []
  for (let i = 0; i < (2 * EACH) / BATCH; i += 1) {
    const opening = Array.from({ length: BATCH }, (_, k) =>
      k % 2 === 0 ? openSocket(token) : openEvents(token),
    )
    callers.push(...(await Promise.all(opening)))
  }
  return callers
}

const isOpen = ({ socket }: Caller) => socket.readyState === 'open'
const descriptors = () => descriptorsOf(scene.gateway.pid)

test('1,000 WebSockets and 1,000 event streams leave nothing behind when they close', {
  timeout: PATIENCE,
}, async () => {
  const before = descriptors()
  const callers = await openCrowd()
  const { open: upstream } = await scene.origin.counts()
  const during = { open: callers.filter(isOpen).length, upstream, descriptors: descriptors() }
  for (const [i, { socket }] of callers.entries()) {
    if (i % 4 < 2) socket.resetAndDestroy()
    else socket.end()
  }
  const after = await settled(descriptors, before)
  expect(during).toEqual({
    open: 2 * EACH,
    upstream: 2 * EACH,
    descriptors: expect.toSatisfy(count => count > 4 * EACH),
  })
  expect(after).toBeLessThanOrEqual(before)
  expect((await scene.origin.counts()).open).toBe(0)
  expect(scene.origin.faults).toEqual([])
})

test('1,000 WebSockets and 1,000 event streams are closed when the gateway stops', {
  timeout: PATIENCE,
}, async () => {
  const callers = await openCrowd()
  const open = callers.filter(isOpen).length
  scene.gateway.signal('SIGTERM')
  const code = await scene.gateway.exited
  await Promise.all(callers.map(({ ended }) => ended))
  expect({ open, code, stillOpen: callers.filter(isOpen).length }).toEqual({
    open: 2 * EACH,
    code: 0,
    stillOpen: 0,
  })
  await expect.poll(async () => (await scene.origin.counts()).open).toBe(0)
  expect(scene.gateway.errorText).toBe('')
})
