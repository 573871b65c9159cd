import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { makeCertificate } from '../keys/certificate.ts'
import { holdAnswers } from '../life/support.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { get, headers, NO_ERROR, openRaw } from './frames.ts'
import { ask, open, openSession, until, VERSIONS } from './support.ts'

const certificate = makeCertificate()
let issuer: Issuer
let upstream: Upstream
let gateway: Gateway
beforeAll(async () => {
  ;[issuer, upstream] = await Promise.all([startIssuer(), startUpstream()])
})
beforeEach(() => upstream.reset())
afterEach(() => gateway.stop())
afterAll(async () => {
  await Promise.all([issuer.close(), upstream.close()])
  certificate.remove()
})

async function start(drain: string): Promise<void> {
  const { cert, key } = certificate
  const limits = { drain, headerTimeout: '60s' }
  gateway = await startGateway(policy({ issuer, upstream, tls: { cert, key }, limits }))
}

const path = '/health'
const arrived = () => until(() => upstream.requests.length > 0)
const draining = () => gateway.waitForLog(({ msg }) => msg === 'draining')

describe.each(VERSIONS)('%s over TLS: a gateway that is told to stop', version => {
  test('finishes what is in flight and ends with 0', async () => {
    await start('20s')
    const held = holdAnswers(upstream)
    const answer = ask(version, gateway.port, { path })
    expect(await arrived()).toBe(true)
    gateway.signal('SIGTERM')
    await draining()
    await sleep(200)
    held.letGo()
    const { status, body } = await answer
    expect([status, String(body), await gateway.exited]).toEqual([200, '{"ok":true}', 0])
  })

  test('cuts at the limit what takes longer, and ends with 0', async () => {
    await start('400ms')
    const held = holdAnswers(upstream)
    const call = open(version, gateway.port, { path })
    call.out.end()
    expect(await arrived()).toBe(true)
    const from = Date.now()
    gateway.signal('SIGTERM')
    expect([await call.end, await gateway.exited]).toEqual(['broken', 0])
    expect(Date.now() - from).toBeGreaterThanOrEqual(350)
    held.letGo()
  })
})

test('an idle session is told so, and does not hold the gateway up', async () => {
  await start('20s')
  const session = await openRaw(gateway.port)
  session.write(headers(1, get(path)))
  expect((await session.endOf(1)).status).toBe(200)
  gateway.signal('SIGTERM')
  expect([await gateway.exited, session.goaway]).toEqual([0, NO_ERROR])
  expect(await session.until(() => session.closed)).toBe(true)
})

test('a session with a request in flight takes no further one', async () => {
  await start('20s')
  const held = holdAnswers(upstream)
  const session = openSession(gateway.port)
  const first = ask('HTTP/2', gateway.port, { path }, session)
  expect(await arrived()).toBe(true)
  const told = new Promise(resolve => session.once('goaway', resolve))
  gateway.signal('SIGTERM')
  expect(await told).toBe(NO_ERROR)
  held.letGo()
  expect([(await first).status, await gateway.exited]).toEqual([200, 0])
  expect(upstream.requests.length).toBe(1)
})

test('a handshake that does not go on does not hold the gateway up', async () => {
  await start('20s')
  const socket = connect(gateway.port, '127.0.0.1')
  socket.on('error', () => {})
  await new Promise(resolve => socket.once('connect', resolve))
  socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02]))
  await sleep(100)
  gateway.signal('SIGTERM')
  expect(await gateway.exited).toBe(0)
  socket.destroy()
})
