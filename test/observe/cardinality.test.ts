import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Sample, samplesOf } from '../life/support.ts'
import { startWorld, type World } from '../support/world.ts'

/** Whatever callers send: paths, methods, hosts, clients, request ids. The number of series is the policy's. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const SOCKETS = 50
const BATCH = 50
const BATCHES = 40

/** Many tokens to be verified are no matter here: a few hundred clients are. */
const CLIENTS = 400

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'PROPFIND',
  'LOCK',
  'QUERY',
]

let world: World
beforeAll(async () => {
  world = await startWorld({ log: { level: 'warn' }, limits: { connectionRequests: 1_000_000 } })
})
afterAll(() => world?.stop())

const random = () => Math.random().toString(36).slice(2)

function wildRequest(tokens: readonly string[]): string {
  const dice = Math.random()
  const method = dice < 0.8 ? 'GET' : METHODS[Math.floor(Math.random() * METHODS.length)]
  const path =
    dice < 0.02 ? '/courses' : dice < 0.1 ? `/me?${random()}` : `/${random()}/${random()}`
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${random()}.example.no`]
  lines.push(`X-Request-Id: ${random()}`)
  if (dice < 0.02)
    lines.push(`Authorization: Bearer ${tokens[Math.floor(Math.random() * CLIENTS)]}`)
  else if (dice < 0.3) lines.push(`Authorization: Bearer ${random()}.${random()}.${random()}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Sends batches of pipelined requests over one connection; resolves with how many were answered. */
function talk(port: number, tokens: readonly string[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const socket = connect(port, '127.0.0.1')
  let sent = 0
  let answered = 0
  let tail = ''
  const next = () => {
    if (sent === BATCH * BATCHES) return socket.destroy()
    sent += BATCH
    return socket.write(Array.from({ length: BATCH }, () => wildRequest(tokens)).join(''))
  }
  socket.on('data', bytes => {
    const text = tail + bytes.toString('latin1')
    const starts = text.split('HTTP/1.1 ')
    answered += starts.length - 1
    // The beginning of a next status line may be cut.
    tail = (starts.at(-1) ?? '').slice(-8)
    if (answered === sent) next()
  })
  socket.on('error', reject)
  socket.on('close', () => resolve(answered))
  next()
  return promise
}

const seriesOf = (samples: readonly Sample[]) =>
  samples.filter(({ name }) => !name.includes('nodejs') && !name.includes('process'))

test('a hundred thousand requests that are all different make no more series than a few of each kind', async () => {
  const tokens = Array.from({ length: CLIENTS }, (_, i) => {
    const client_id = `client-${i}`
    return world.issuer.token({ client_id, act: { sub: client_id }, scope: 'read' })
  })
  const talks = Array.from({ length: SOCKETS }, () => talk(world.gateway.port, tokens))
  const answered = (await Promise.all(talks)).reduce((sum, count) => sum + count, 0)
  expect(answered).toBe(SOCKETS * BATCH * BATCHES)

  const series = seriesOf(await samplesOf(world.gateway))
  const values = new Map<string, Set<string>>()
  for (const { labels } of series) {
    for (const [label, value] of Object.entries(labels)) {
      values.set(label, (values.get(label) ?? new Set()).add(value))
    }
  }
  expect([...(values.get('route') ?? [])].sort()).toEqual(['', '/courses', '/me'])
  expect([...(values.get('data_source') ?? [])].sort()).toEqual(['', 'grades'])
  expect([...(values.get('method') ?? [])].filter(method => !METHODS.includes(method))).toEqual([])
  const requests = series.filter(({ name }) => name === 'feide_gateway_requests_total')
  expect(requests.reduce((sum, { value }) => sum + value, 0)).toBe(answered)
  expect(requests.length).toBeLessThan(100)
  expect(series.length).toBeLessThan(300)
})
