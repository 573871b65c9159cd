import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Gateway, type LogLine, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { request, sendOne } from '../support/raw.ts'
import { headerOf, startUpstream, type Upstream } from '../support/upstream.ts'
import { count, holdAnswers } from './support.ts'

/** The contract says 2 s; the rest is for a machine that has other things to do. */
const NOTICED = 2000 + 1500

let issuer: Issuer
let upstream: Upstream
let gateway: Gateway
beforeAll(async () => {
  ;[issuer, upstream] = await Promise.all([startIssuer(), startUpstream()])
})
beforeEach(() => upstream.reset())
afterAll(() => Promise.all([issuer.close(), upstream.close()]))

const text = (path: string, more: object = {}) =>
  policy({
    issuer,
    upstream,
    ...more,
    dataSources: { grades: { routes: { [`GET ${path}`]: 'public' } } },
  })

const statusOf = async (path: string) =>
  (await sendOne(gateway.port, request({ target: path }))).status

/** The next line with this message, counted from now. */
async function next(msg: string, timeout = 5000): Promise<LogLine> {
  const such = () => gateway.logs.filter(line => line.msg === msg)
  const before = such().length
  const deadline = Date.now() + timeout
  for (;;) {
    const line = such()[before]
    if (line) return line
    if (Date.now() > deadline) throw new Error(`no "${msg}":\n${gateway.logText}`)
    await sleep(10)
  }
}

const reloads = async () => ({
  success: await count(gateway, 'feide_gateway_policy_reloads_total', { result: 'success' }),
  failure: await count(gateway, 'feide_gateway_policy_reloads_total', { result: 'failure' }),
})

describe('a gateway whose policy changes', () => {
  beforeAll(async () => {
    gateway = await startGateway(text('/first'))
  })
  afterAll(() => gateway.stop())

  test('takes the new one on SIGHUP', async () => {
    const reloaded = next('policy reloaded', NOTICED)
    gateway.writePolicy(text('/second'))
    gateway.signal('SIGHUP')
    expect(await reloaded).toEqual({
      level: 'info',
      time: expect.any(String),
      file: gateway.policyFile,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      warnings: [],
      msg: 'policy reloaded',
    })
    expect([await statusOf('/first'), await statusOf('/second')]).toEqual([404, 200])
  })
  test('notices by itself that the file has changed', async () => {
    const before = await reloads()
    const reloaded = next('policy reloaded', NOTICED)
    gateway.writePolicy(text('/third'))
    await reloaded
    expect([await statusOf('/second'), await statusOf('/third')]).toEqual([404, 200])
    const { success, failure } = await reloads()
    expect({ success, failure }).toEqual({ success: expect.any(Number), failure: before.failure })
    expect(success).toBeGreaterThan(before.success)
  })
  test('notices a new file under the old name, as editors write it', async () => {
    const reloaded = next('policy reloaded', NOTICED)
    writeFileSync(`${gateway.policyFile}~`, text('/third-and-a-half'))
    renameSync(`${gateway.policyFile}~`, gateway.policyFile)
    await reloaded
    expect(await statusOf('/third-and-a-half')).toBe(200)
  })
  test('keeps the old one in force where the new one has a fault', async () => {
    const failed = next('policy reload failed', NOTICED)
    const before = await reloads()
    gateway.writePolicy(`${text('/fourth')}colour: blue\nworkers: 0\n`)
    const lines = text('/fourth').split('\n').length
    expect(await failed).toEqual({
      level: 'error',
      time: expect.any(String),
      file: gateway.policyFile,
      faults: [
        `${gateway.policyFile}:${lines}:1: colour: expected a known key, got "colour"`,
        `${gateway.policyFile}:${lines + 1}:10: workers: expected a whole number above zero, got 0`,
      ],
      msg: 'policy reload failed',
    })
    expect([await statusOf('/third-and-a-half'), await statusOf('/fourth')]).toEqual([200, 404])
    expect(await reloads()).toEqual({ ...before, failure: before.failure + 1 })
  })
  test('keeps it while the file is away, and takes the one that comes', async () => {
    const failed = next('policy reload failed', NOTICED)
    rmSync(gateway.policyFile)
    expect((await failed).faults).toEqual([
      `${gateway.policyFile}: expected a file that can be read, got no such file`,
    ])
    expect(await statusOf('/third-and-a-half')).toBe(200)
    const reloaded = next('policy reloaded', NOTICED)
    gateway.writePolicy(text('/fifth'))
    await reloaded
    expect(await statusOf('/fifth')).toBe(200)
  })
  test('finishes a request in flight by the policy that it began with', async () => {
    const held = holdAnswers(upstream)
    const answer = sendOne(gateway.port, request({ target: '/fifth' }), { timeout: 15_000 })
    while (upstream.requests.length === 0) await sleep(10)
    const reloaded = next('policy reloaded', NOTICED)
    const elsewhere = { dataSources: { grades: { upstream: { url: 'http://127.0.0.1:1' } } } }
    gateway.writePolicy(policy({ issuer, upstream, ...elsewhere }))
    gateway.signal('SIGHUP')
    await reloaded
    held.letGo()
    const { status, body } = await answer
    expect({ status, body }).toEqual({ status: 200, body: '{"ok":true}' })
    expect(await statusOf('/health')).toBe(502)
  })
  test('says that a new address is for the next start', async () => {
    const warned = next('listen, admin, workers or tls changed: they take effect at the next start')
    gateway.writePolicy(text('/sixth', { listen: '127.0.0.1:1' }))
    gateway.signal('SIGHUP')
    expect((await warned).level).toBe('warn')
    expect(await statusOf('/sixth')).toBe(200)
  })
  test('takes a new level of the log', async () => {
    gateway.writePolicy(text('/seventh', { log: { level: 'error' } }))
    gateway.signal('SIGHUP')
    while ((await statusOf('/seventh')) !== 200) await sleep(20)
    const from = gateway.logs.length
    await statusOf('/seventh')
    await sleep(200)
    expect(gateway.logs.slice(from).filter(({ msg }) => msg === 'request')).toEqual([])
    const reloaded = next('policy reloaded')
    gateway.writePolicy(text('/eighth'))
    gateway.signal('SIGHUP')
    await reloaded
    const logged = next('request')
    await statusOf('/eighth')
    expect((await logged).route).toBe('/eighth')
  })
  test('survives a file that is anything but a policy', async () => {
    for (const junk of ['', '\0\0\0', '{', '- a', 'issuer: &a { url: *a }\n']) {
      const failed = next('policy reload failed', NOTICED)
      gateway.writePolicy(junk)
      gateway.signal('SIGHUP')
      await failed
    }
    expect(await statusOf('/eighth')).toBe(200)
  })
})

describe('a policy that is mounted as Kubernetes does', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'feide-gateway-'))
  })
  afterEach(async () => {
    await gateway.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  /** A directory of its own for each version, behind a link that is swapped at once. */
  function mount(version: string, files: Record<string, string>): void {
    mkdirSync(join(directory, version))
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(directory, version, name), content)
    }
    symlinkSync(version, join(directory, 'data.next'))
    renameSync(join(directory, 'data.next'), join(directory, 'data'))
  }
  const link = (name: string) => {
    symlinkSync(join('data', name), join(directory, name))
    return join(directory, name)
  }
  const start = (file: string) => startGateway(text('/'), { args: ['--config', file] })

  test('is reloaded when the link is swapped', async () => {
    mount('v1', { 'policy.yaml': text('/v1') })
    gateway = await start(link('policy.yaml'))
    expect([await statusOf('/v1'), await statusOf('/v2')]).toEqual([200, 404])
    const reloaded = next('policy reloaded', NOTICED)
    mount('v2', { 'policy.yaml': text('/v2') })
    await reloaded
    expect([await statusOf('/v1'), await statusOf('/v2')]).toEqual([404, 200])
  })
  test('waits for a file that comes later than the policy that includes it', async () => {
    mount('v1', { 'policy.yaml': text('/v1') })
    gateway = await start(link('policy.yaml'))
    const failed = next('policy reload failed', NOTICED)
    const including = text('/v2').replace('audience: ', 'audience: $' + '{file:late} # ')
    mount('v2', { 'policy.yaml': including })
    await failed
    const reloaded = next('policy reloaded', NOTICED)
    writeFileSync(join(directory, 'late'), 'grades\n')
    await reloaded
    expect([await statusOf('/v1'), await statusOf('/v2')]).toEqual([404, 200])
  })
  test('is reloaded when a file that it includes is swapped', async () => {
    const password = `\${file:password}`
    const credentials = { basic: { username: 'a', password } }
    const routes = { 'GET /me': 'authenticated' }
    const main = policy({
      issuer,
      upstream,
      dataSources: { grades: { upstream: { credentials }, routes } },
    })
    const file = join(directory, 'policy.yaml')
    writeFileSync(file, main)
    mount('v1', { password: 'old\n' })
    link('password')
    gateway = await start(file)
    const ask = async () => {
      upstream.reset()
      await sendOne(gateway.port, request({ target: '/me', token: issuer.token() }))
      const [seen] = upstream.requests
      return seen && headerOf(seen, 'authorization')
    }
    const basic = (secret: string) => `Basic ${Buffer.from(`a:${secret}`).toString('base64')}`
    expect(await ask()).toEqual([basic('old')])
    const reloaded = next('policy reloaded', NOTICED)
    mount('v2', { password: 'new\n' })
    await reloaded
    expect(await ask()).toEqual([basic('new')])
    expect(gateway.logText).not.toMatch(/\bold\b|\bnew\b/)
  })
})
