import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCertificate } from '../keys/certificate.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { request, sendOne } from '../support/raw.ts'

/** Who an https upstream is, is said by the policy's URL: never by the `Host` that a caller sends. */

const own = makeCertificate()
const others = makeCertificate('evil.test')
let issuer: Issuer
let servers: Server[]
let heard: (string | undefined)[]
let gateway: Gateway

beforeAll(async () => {
  heard = []
  issuer = await startIssuer()
  servers = await Promise.all([own, others].map(serve))
  const [genuine, impostor] = servers.map(
    server => `https://localhost:${(server.address() as AddressInfo).port}`,
  )
  const credentials = { basic: { username: 'dataporten', password: 'hunter2' } }
  const source = (url: string | undefined, id: string) => ({
    audience: issuer.claims().aud,
    upstream: { url, host: 'preserve', credentials },
    routes: { [`GET /${id}`]: 'authenticated' },
  })
  const dataSources = {
    grades: source(genuine, 'genuine'),
    impostor: source(impostor, 'impostor'),
  }
  gateway = await startGateway(policy({ issuer, upstream: '', dataSources }), {
    env: { NODE_EXTRA_CA_CERTS: own.trustWith(others) },
  })
})
afterAll(async () => {
  await gateway?.stop()
  for (const server of servers ?? []) server.close()
  await issuer?.close()
  own.remove()
  others.remove()
})

const call = (target: string) =>
  sendOne(gateway.port, request({ target, host: 'evil.test', token: issuer.token() }))

test('an upstream is itself, whatever Host the caller sends on to it', async () => {
  expect((await call('/genuine')).status).toBe(200)
})

test('one with the certificate of the Host that the caller names gets no credentials', async () => {
  heard.length = 0
  const { status, body } = await call('/impostor')
  expect({ status, code: JSON.parse(body).code, heard }).toEqual({
    status: 502,
    code: 'upstream_unavailable',
    heard: [],
  })
})

function serve({ cert, key }: { cert: string; key: string }): Promise<Server> {
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) })
  server.on('request', (incoming, response) => {
    heard.push(incoming.headers.authorization)
    response.end('ok')
  })
  return new Promise(resolve => server.listen(0, 'localhost', () => resolve(server)))
}
