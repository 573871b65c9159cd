import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { LogLine } from '../support/gateway.ts'
import { policy } from '../support/policy.ts'
import { startWorld, type World } from '../support/world.ts'
import { ask, certificateFiles, openSession, until, VERSIONS } from './support.ts'

/** A certificate that is exchanged while callers are served. */

const { tls, show, remove } = certificateFiles()
let world: World
beforeAll(async () => {
  world = await startWorld({ tls })
})
beforeEach(() => world.upstream.reset())
afterAll(async () => {
  await world.stop()
  remove()
})

/** The name in the certificate that a new caller is shown. */
function shown(): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const to = { port: world.gateway.port, host: '127.0.0.1', rejectUnauthorized: false }
    const socket = connect(to, () => {
      const { CN } = socket.getPeerCertificate().subject
      resolve(Array.isArray(CN) ? CN[0] : CN)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

/** The next line with this message. */
async function next(msg: string): Promise<LogLine> {
  const lines = () => world.gateway.logs.filter(line => line.msg === msg)
  const before = lines().length
  await until(() => lines().length > before, 10_000)
  return lines()[before] ?? {}
}

test('the files are watched, and no request fails meanwhile', async () => {
  expect(await shown()).toBe('first.test')
  const session = openSession(world.gateway.port)
  const statuses: number[] = []
  let more = true
  const asking = [...VERSIONS, undefined].map(async version => {
    while (more) {
      const given = version === undefined ? session : undefined
      const { status } = await ask(
        version ?? 'HTTP/2',
        world.gateway.port,
        { path: '/health' },
        given,
      )
      statuses.push(status)
      await sleep(5)
    }
  })
  const reloaded = next('policy reloaded')
  show('second')
  await reloaded
  expect(await until(async () => (await shown()) === 'second.test')).toBe(true)
  more = false
  await Promise.all(asking)
  const open = !session.closed && !session.destroyed
  session.close()
  expect([open, new Set(statuses)]).toEqual([true, new Set([200])])
})

test('a key that is not the key of the certificate changes nothing', async () => {
  const failed = next('policy reload failed')
  const before = await shown()
  writeFileSync(tls.key, '-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----\n')
  expect(String((await failed).faults)).toContain('tls.key')
  expect([
    await shown(),
    (await ask('HTTP/2', world.gateway.port, { path: '/health' })).status,
  ]).toEqual([before, 200])
  const reloaded = next('policy reloaded')
  show('second')
  await reloaded
})

test('TLS is not switched off under callers', async () => {
  const { issuer, upstream, gateway } = world
  const warned = next('listen, admin, workers or tls changed: they take effect at the next start')
  gateway.writePolicy(policy({ issuer, upstream }))
  expect((await warned).level).toBe('warn')
  expect((await ask('HTTP/2', gateway.port, { path: '/health' })).status).toBe(200)
})
