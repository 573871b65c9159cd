import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificate } from '../keys/certificate.ts'
import { startWorld, type World } from '../support/world.ts'
import { ask, type Head, open, openSession, until, VERSIONS, valuesOf } from './support.ts'

/** Large bodies, and sides that do not keep up. */

const MIB = 1024 * 1024
const PIECE = randomBytes(MIB)
const PIECES = 50
const hashOf = (count: number) => {
  const hash = createHash('sha256')
  for (let i = 0; i < count; i++) hash.update(PIECE)
  return hash.digest('hex')
}
const WHOLE = hashOf(PIECES)
const pieces = (count: number) => Readable.from(Array<Buffer>(count).fill(PIECE))

/** Bytes that the API has sent, or taken, of the body it is at. */
let sent = 0
let taken = 0
let read = true
let unread: IncomingMessage | undefined

function serve(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/open/down') {
    response.setHeader('Content-Type', 'application/octet-stream')
    sent = 0
    const source = pieces(PIECES)
    source.on('data', (chunk: Buffer) => {
      sent += chunk.length
    })
    source.pipe(response)
    return
  }
  const hash = createHash('sha256')
  taken = 0
  if (!read) {
    unread = request.pause()
    return
  }
  request.on('data', (chunk: Buffer) => {
    taken += chunk.length
    hash.update(chunk)
  })
  request.on('end', () => response.end(`${taken} ${hash.digest('hex')}`))
}

const api = createServer(serve)
const certificate = makeCertificate()
let world: World
beforeAll(async () => {
  await new Promise<void>(resolve => api.listen(0, '127.0.0.1', resolve))
  const { port } = api.address() as AddressInfo
  const { cert, key } = certificate
  world = await startWorld({
    tls: { cert, key },
    dataSources: {
      grades: {
        maxBody: 'none',
        upstream: { url: `http://127.0.0.1:${port}` },
        routes: { 'ANY /open/**': 'public' },
      },
    },
  })
})
afterAll(async () => {
  await world.stop()
  api.closeAllConnections()
  api.close()
  certificate.remove()
})

/** What the log says of the end of a request. */
async function loggedAs(head: Head) {
  const [id] = valuesOf(head, 'x-request-id')
  const { status, aborted } = await world.gateway.waitForLog(line => line.requestId === id)
  return { status, aborted }
}

describe.each(VERSIONS)('%s', version => {
  const port = () => world.gateway.port

  test('carries 50 MiB up, byte for byte', async () => {
    const call = open(version, port(), { path: '/open/up', method: 'POST' })
    pieces(PIECES).pipe(call.out)
    const chunks: Buffer[] = []
    ;(await call.body).on('data', chunk => chunks.push(chunk))
    expect([await call.end, String(Buffer.concat(chunks))]).toEqual([
      'whole',
      `${PIECES * MIB} ${WHOLE}`,
    ])
    expect(await loggedAs(await call.head)).toEqual({ status: 200, aborted: undefined })
  })

  test('carries 50 MiB down, byte for byte', async () => {
    const call = open(version, port(), { path: '/open/down' })
    call.out.end()
    const hash = createHash('sha256')
    ;(await call.body).on('data', chunk => hash.update(chunk))
    expect([await call.end, hash.digest('hex')]).toEqual(['whole', WHOLE])
    expect(await loggedAs(await call.head)).toEqual({ status: 200, aborted: undefined })
  })

  test('takes no more from the API than the caller reads', async () => {
    const call = open(version, port(), { path: '/open/down' })
    call.out.end()
    const { status } = await call.head
    const body = await call.body
    body.pause()
    const settled = await steady(() => sent)
    expect([status, settled < 30 * MIB]).toEqual([200, true])
    call.cancel()
  })

  test('takes no more from the caller than the API reads', async () => {
    read = false
    const call = open(version, port(), { path: '/open/up', method: 'POST' })
    let written = 0
    const source = pieces(PIECES)
    source.on('data', (chunk: Buffer) => {
      written += chunk.length
    })
    source.pipe(call.out)
    const settled = await steady(() => written)
    read = true
    unread?.destroy()
    expect(settled < 30 * MIB).toBe(true)
    call.cancel()
    source.destroy()
  })
})

/** The value of a number that has stopped changing. */
async function steady(look: () => number): Promise<number> {
  let last = -1
  await until(async () => {
    const before = last
    await sleep(300)
    last = look()
    return last === before && last > 0
  }, 10_000)
  return last
}

test('a stream that nobody reads does not hold up the others of its session', async () => {
  const session = openSession(world.gateway.port)
  const stuck = open('HTTP/2', world.gateway.port, { path: '/open/down' }, session)
  stuck.out.end()
  await stuck.head
  await steady(() => sent)
  const upload = { path: '/open/up', method: 'POST', body: PIECE }
  const answer = await ask('HTTP/2', world.gateway.port, upload, session)
  expect([answer.status, String(answer.body)]).toEqual([200, `${MIB} ${hashOf(1)}`])
  expect(valuesOf(answer, 'x-request-id').length).toBe(1)
  session.destroy()
})
