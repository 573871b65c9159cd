import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCertificate } from '../keys/certificate.ts'
import { startWorld, type World } from '../support/world.ts'
import { ask, open, until, VERSIONS } from './support.ts'

/** What an operator sees of TLS where several processes serve callers. */

const TIMEOUT = 90_000
const [first, second] = [makeCertificate('first.test'), makeCertificate('second.test')]
const directory = mkdtempSync(join(tmpdir(), 'feide-gateway-tls-'))
const tls = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') }
function show(certificate: { readonly cert: string; readonly key: string }): void {
  copyFileSync(certificate.key, tls.key)
  copyFileSync(certificate.cert, tls.cert)
}

let world: World
beforeAll(async () => {
  show(first)
  world = await startWorld({ tls, workers: 2, limits: { drain: '20s' } })
}, TIMEOUT)
afterAll(async () => {
  await world.stop()
  for (const one of [first, second]) one.remove()
  rmSync(directory, { recursive: true })
}, TIMEOUT)

/** The names in the certificates that new callers are shown. */
const shown = async () =>
  new Set(
    await Promise.all(
      Array.from(
        { length: 16 },
        () =>
          new Promise<string>((resolve, reject) => {
            const to = { port: world.gateway.port, host: '127.0.0.1', rejectUnauthorized: false }
            const socket = connect(to, () => {
              resolve(String(socket.getPeerCertificate().subject.CN))
              socket.destroy()
            })
            socket.once('error', reject)
          }),
      ),
    ),
  )

test('each of them serves both versions, and shows the certificate that is in force', {
  timeout: TIMEOUT,
}, async () => {
  const statuses = await Promise.all(
    Array.from({ length: 16 }, (_, i) =>
      ask(VERSIONS[i % 2] ?? 'HTTP/2', world.gateway.port, { path: '/health' }),
    ),
  )
  expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set([200]))
  expect(await shown()).toEqual(new Set(['first.test']))
  show(second)
  const isSecond = (names: ReadonlySet<string>) => names.size === 1 && names.has('second.test')
  expect(await until(async () => isSecond(await shown()), 30_000)).toBe(true)
})

test('told to stop, they finish what is in flight', { timeout: TIMEOUT }, async () => {
  let answer = () => {}
  world.upstream.answer = (_request, socket) => {
    answer = () => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    return undefined
  }
  world.upstream.requests.length = 0
  const call = open('HTTP/2', world.gateway.port, { path: '/health' })
  call.out.end()
  expect(await until(() => world.upstream.requests.length === 1)).toBe(true)
  world.gateway.signal('SIGTERM')
  await world.gateway.waitForLog(({ msg }) => msg === 'draining')
  answer()
  const { status } = await call.head
  ;(await call.body).resume()
  expect([status, await call.end, await world.gateway.exited]).toEqual([200, 'whole', 0])
})
