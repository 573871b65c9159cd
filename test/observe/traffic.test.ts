import { type ConnectionOptions, connect } from 'node:tls'
import { expect, test } from 'vitest'
import { ask, openSession, tlsWorld, until, VERSIONS } from '../edge/support.ts'
import { count } from '../life/support.ts'
import { reply } from '../support/upstream.ts'

/** Bytes are counted as they go over the wire, through TLS too. */

const world = tlsWorld({ dataSources: { grades: { routes: { 'ANY /open/**': 'public' } } } })
const BODY = 200_000

const figures = async () => {
  const [received = 0, sent = 0, connections = 0] = await Promise.all(
    ['received_bytes_total', 'sent_bytes_total', 'connections'].map(name =>
      count(world().gateway, `feide_gateway_${name}`),
    ),
  )
  return { received, sent, connections }
}

test.each(VERSIONS)('%s: an upload and a download', async version => {
  const { gateway, upstream } = world()
  await until(async () => (await figures()).connections === 0)
  upstream.answer = () => reply({ body: 'x'.repeat(2 * BODY) })
  const before = await figures()
  const body = Buffer.alloc(BODY)
  const parts = { method: 'POST', path: '/open/a', body }
  const session = version === 'HTTP/2' ? openSession(gateway.port) : undefined
  const answer = await ask(version, gateway.port, parts, session)
  expect(answer.body).toHaveLength(2 * BODY)
  session?.close()
  expect(await until(async () => (await figures()).connections === 0)).toBe(true)
  const after = await figures()
  const received = after.received - before.received
  const sent = after.sent - before.sent
  // Records and headers come on top, and the handshake with the certificate.
  expect(received).toBeGreaterThan(BODY)
  expect(received).toBeLessThan(BODY * 1.1)
  expect(sent).toBeGreaterThan(2 * BODY)
  expect(sent).toBeLessThan(2 * BODY * 1.1)
})

test('a handshake alone counts', async () => {
  const before = await figures()
  const options: ConnectionOptions = { port: world().gateway.port, rejectUnauthorized: false }
  const socket = connect(options)
  await new Promise<void>(resolve => socket.once('secureConnect', resolve))
  expect(await until(async () => (await figures()).connections === 1)).toBe(true)
  socket.destroy()
  expect(await until(async () => (await figures()).connections === 0)).toBe(true)
  expect((await figures()).sent - before.sent).toBeGreaterThan(500)
})
