import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ROOT, writeTemporary } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { request } from '../support/raw.ts'
import { count } from './support.ts'

const CONNECTIONS = 8
const BATCHES = 50
const PER_BATCH = 50
const REQUESTS = CONNECTIONS * BATCHES * PER_BATCH
/** Makes the lines long, so that they fill what is between the gateway and its reader. */
const LONG_ID = 'r'.repeat(128)

let issuer: Issuer
beforeAll(async () => {
  issuer = await startIssuer()
})
afterAll(() => issuer.close())

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

/** A gateway whose stdout is read until it listens, and then no more. */
async function startUnread(workers: number) {
  const text = policy({ issuer, upstream: 'http://127.0.0.1:1', workers })
  const { directory, file } = writeTemporary(text)
  const node = join(ROOT, 'node_modules/.bin/node')
  const main = join(ROOT, 'gateway/main.ts')
  const child = spawn(node, [main, 'serve', '--config', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise<number | null>(resolve => child.on('exit', code => resolve(code)))
  cleanups.push(() => {
    child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  })
  const ports = await new Promise<Record<string, number>>(resolve => {
    let text = ''
    let isUnread = false
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const found = [...text.matchAll(/"listener":"(\w+)".*?"port":(\d+)/g)]
      if (found.length < 2 || isUnread) return
      isUnread = true
      child.stdout.pause()
      resolve(Object.fromEntries(found.map(([, name = '', port]) => [name, Number(port)])))
    })
  })
  const admin = (path: string) => fetch(`http://127.0.0.1:${ports.admin}${path}`)
  return { child, exited, admin, port: ports.gateway ?? 0 }
}

/** Sends batches over one connection, each once all answers to the one before have come. */
function flood(port: number): Promise<number> {
  const one = request({ target: '/nothing', headers: { 'X-Request-Id': LONG_ID } })
  const batch = Buffer.concat(Array(PER_BATCH).fill(one))
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let answered = 0
    let rest = ''
    socket.on('error', reject)
    socket.on('close', () => resolve(answered))
    socket.on('data', chunk => {
      const text = rest + chunk.toString('latin1')
      const answers = text.split('HTTP/1.1 404').length - 1
      rest = text.slice(text.lastIndexOf('HTTP/1.1 404') + 12).slice(-12)
      answered += answers
      if (answered === PER_BATCH * BATCHES) socket.end()
      else if (answers > 0 && answered % PER_BATCH === 0) socket.write(batch)
    })
    socket.write(batch)
  })
}

type Unread = Awaited<ReturnType<typeof startUnread>>

const droppedBy = (gateway: Unread) => count(gateway, 'feide_gateway_log_lines_dropped_total')

/** Reads on until that many lines of requests have come, and some time after; how many there were. */
async function readRest({ child }: Unread, expected: number): Promise<number> {
  let text = ''
  child.stdout.on('data', (chunk: string) => {
    text += chunk
  })
  child.stdout.resume()
  const lines = () => text.split('"msg":"request"').length - 1
  const deadline = Date.now() + 10_000
  while (lines() < expected && Date.now() < deadline) await sleep(100)
  await sleep(300)
  return lines()
}

const within = <T>(ms: number, promise: Promise<T>) =>
  Promise.race([promise, sleep(ms, 'not in time' as const, { ref: false })])

describe.for([
  ['a single process', 1],
  ['several', 2],
] as const)(
  'a reader of the stdout of %s that stops reading',
  { timeout: 60_000 },
  ([, workers]) => {
    test('costs lines, which are counted, and never requests', async () => {
      const gateway = await startUnread(workers)
      const answered = await Promise.all(
        Array.from({ length: CONNECTIONS }, () => flood(gateway.port)),
      )
      expect(answered).toEqual(Array(CONNECTIONS).fill(BATCHES * PER_BATCH))
      expect(await count(gateway, 'feide_gateway_requests_total', { status: '404' })).toBe(REQUESTS)
      const dropped = await droppedBy(gateway)
      expect(dropped).toBeGreaterThan(0)
      expect(dropped).toBeLessThan(REQUESTS)
      expect(await readRest(gateway, REQUESTS - dropped)).toBe(
        REQUESTS - (await droppedBy(gateway)),
      )
      gateway.child.kill('SIGTERM')
      expect(await within(10_000, gateway.exited)).toBe(0)
    })
    test('and one that goes away does not take the gateway with it', async () => {
      const gateway = await startUnread(workers)
      gateway.child.stdout.destroy()
      const get = () =>
        fetch(`http://127.0.0.1:${gateway.port}/nothing`).then(({ status }) => status)
      expect([await get(), await get()]).toEqual([404, 404])
      await sleep(300)
      expect(await get()).toBe(404)
      gateway.child.kill('SIGTERM')
      expect(await within(10_000, gateway.exited)).toBe(0)
    })
  },
)
