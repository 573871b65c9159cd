import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { request, sendOne } from '../support/raw.ts'
import { waitUntil } from '../support/redis.ts'
import { headerOf, startUpstream, type Upstream } from '../support/upstream.ts'
import { count, holdAnswers } from './support.ts'
import { keepAsking, pidsOf, saidBy, tryOnce, untilServing } from './workers.ts'

const SIZE = 3
/** Several processes begin several times; a busy machine takes its time. */
const TIMEOUT = 90_000

let issuer: Issuer
let upstream: Upstream
let gateway: Gateway
beforeAll(async () => {
  ;[issuer, upstream] = await Promise.all([startIssuer(), startUpstream()])
  gateway = await startGateway(rules('/first'))
  await untilServing(gateway, SIZE)
}, TIMEOUT)
afterAll(async () => {
  await gateway.stop()
  await Promise.all([issuer.close(), upstream.close()])
}, TIMEOUT)

const rules = (path: string, more: object = {}) =>
  policy({
    issuer,
    upstream,
    workers: SIZE,
    ...more,
    dataSources: { grades: { routes: { 'GET /always': 'public', [`GET ${path}`]: 'public' } } },
  })

const such = (msg: string) => gateway.logs.filter(line => line.msg === msg)

/** Does something, and waits for the next line with this message. */
async function untilLogged(msg: string, act: () => void) {
  const before = such(msg).length
  act()
  await waitUntil(
    () => such(msg).length > before,
    () => `no "${msg}":\n${gateway.logText}`,
  )
  return such(msg)[before]
}
const reload = (text: string) =>
  untilLogged('policy reloaded', () => {
    gateway.writePolicy(text)
    gateway.signal('SIGHUP')
  })
/** The answers to enough requests that each worker has some, each on a connection of its own. */
async function statusesOf(path: string): Promise<Record<string, number>> {
  return saidBy(
    await Promise.all(Array.from({ length: 8 * SIZE }, () => tryOnce(gateway.port, path))),
  )
}
const ALL = 8 * SIZE

describe('a gateway with workers whose policy changes', { timeout: TIMEOUT }, () => {
  test('is served by the new one alone once it says so', async () => {
    for (const path of ['/second', '/third', '/fourth']) {
      await reload(rules(path))
      expect(await statusesOf(path)).toEqual({ 200: ALL })
    }
    expect(await statusesOf('/third')).toEqual({ 404: ALL })
  })
  test('says it once, and counts it once', async () => {
    // What the watch of the file has noticed as well is over by then.
    await sleep(2_000)
    const success = () =>
      count(gateway, 'feide_gateway_policy_reloads_total', { result: 'success' })
    const [lines, counted] = [such('policy reloaded').length, await success()]
    gateway.signal('SIGHUP')
    await waitUntil(() => such('policy reloaded').length > lines, 'not reloaded')
    await sleep(500)
    expect([such('policy reloaded').length - lines, (await success()) - counted]).toEqual([1, 1])
  })
  test('fails no request meanwhile, and changes no process', async () => {
    const pids = await pidsOf(gateway)
    const load = keepAsking(gateway.port, '/always')
    for (let version = 0; version < 20; version++) await reload(rules(`/v${version}`))
    const tries = await load.stop()
    expect(saidBy(tries)).toEqual({ 200: tries.length })
    expect(tries.length).toBeGreaterThan(0)
    expect(await pidsOf(gateway)).toEqual(pids)
  })
  test('finishes requests in flight by the policy that they began with', async () => {
    await reload(rules('/slow'))
    upstream.reset()
    const held = holdAnswers(upstream)
    const answers = Array.from({ length: 2 * SIZE }, () =>
      sendOne(gateway.port, request({ target: '/slow' }), { timeout: 30_000 }),
    )
    await waitUntil(() => upstream.requests.length === 2 * SIZE, 'not all are there')
    await reload(rules('/after').replace(upstream.url, 'http://127.0.0.1:1'))
    held.letGo()
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    expect(statuses).toEqual(Array(2 * SIZE).fill(200))
    expect(await statusesOf('/after')).toEqual({ 502: ALL })
  })
})

describe('a worker that stands still while the policy changes', { timeout: TIMEOUT }, () => {
  test('holds the news up for some seconds, and serves by no other policy afterwards', async () => {
    const [stuck = 0] = await pidsOf(gateway)
    process.kill(stuck, 'SIGSTOP')
    // More than are kept waiting for one that does not answer.
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 100 }, () => gateway.admin('/readyz')))
    }
    const from = gateway.logs.length
    gateway.writePolicy(rules('/meanwhile'))
    gateway.signal('SIGHUP')
    const news = () => gateway.logs.slice(from).filter(({ msg }) => /policy/.test(String(msg)))
    await waitUntil(() => news().length >= 2, 'nothing is told', 60_000)
    expect(news().slice(0, 2)).toMatchObject([
      { level: 'warn', pid: stuck, msg: 'a worker has not put the policy into force yet' },
      { level: 'info', msg: 'policy reloaded' },
    ])
    process.kill(stuck, 'SIGCONT')
    expect(await statusesOf('/meanwhile')).toEqual({ 200: ALL })
    expect(await pidsOf(gateway)).toContain(stuck)
  })
})

describe('a policy file with a fault', { timeout: TIMEOUT }, () => {
  test('changes nothing, is told once, and once more for each look at it', async () => {
    await reload(rules('/good'))
    await sleep(2_000)
    const failures = () =>
      count(gateway, 'feide_gateway_policy_reloads_total', { result: 'failure' })
    const before = await failures()
    const line = await untilLogged('policy reload failed', () => {
      gateway.writePolicy(`${rules('/bad')}colour: blue\n`)
    })
    expect(line?.faults).toEqual([expect.stringContaining('colour: expected a known key')])
    await sleep(500)
    expect([such('policy reload failed').length, (await failures()) - before]).toEqual([1, 1])
    expect([await statusesOf('/good'), await statusesOf('/bad')]).toEqual([
      { 200: ALL },
      { 404: ALL },
    ])
  })
  test('is not what a worker begins with that takes the place of a dead one', async () => {
    const [victim = 0] = await pidsOf(gateway)
    process.kill(victim, 'SIGKILL')
    await untilServing(gateway, SIZE, [victim])
    expect([await statusesOf('/good'), await statusesOf('/bad')]).toEqual([
      { 200: ALL },
      { 404: ALL },
    ])
  })
  test('that is gone altogether is none either', async () => {
    await untilLogged('policy reload failed', () => rmSync(gateway.policyFile))
    const before = await pidsOf(gateway)
    for (const pid of before) process.kill(pid, 'SIGKILL')
    await untilServing(gateway, SIZE, before)
    expect(await statusesOf('/good')).toEqual({ 200: ALL })
    await untilLogged('policy reloaded', () => gateway.writePolicy(rules('/back')))
    expect(await statusesOf('/back')).toEqual({ 200: ALL })
  })
})

describe('a file that the policy includes', { timeout: TIMEOUT }, () => {
  const text = () => {
    const credentials = { basic: { username: 'a', password: `\${file:password}` } }
    const grades = { upstream: { credentials }, routes: { 'GET /me': 'authenticated' } }
    return policy({ issuer, upstream, workers: SIZE, dataSources: { grades } })
  }
  const file = () => join(dirname(gateway.policyFile), 'password')
  const passwords = async () => {
    upstream.reset()
    const ask = () => sendOne(gateway.port, request({ target: '/me', token: issuer.token() }))
    await Promise.all(Array.from({ length: ALL }, ask))
    const seen = upstream.requests.flatMap(one => headerOf(one, 'authorization'))
    const plain = seen.map(value => Buffer.from(value.slice(6), 'base64').toString())
    return [plain.length, ...new Set(plain)]
  }

  test('reaches all workers when it changes, and those that begin when it is gone', async () => {
    writeFileSync(file(), 'old\n')
    await reload(text())
    expect(await passwords()).toEqual([ALL, 'a:old'])
    await untilLogged('policy reloaded', () => writeFileSync(file(), 'new\n'))
    expect(await passwords()).toEqual([ALL, 'a:new'])
    await untilLogged('policy reload failed', () => rmSync(file()))
    const [victim = 0] = await pidsOf(gateway)
    process.kill(victim, 'SIGKILL')
    await untilServing(gateway, SIZE, [victim])
    expect(await passwords()).toEqual([ALL, 'a:new'])
    expect(gateway.logText).not.toMatch(/\bold\b/)
  })
})

describe('a change that needs a new start', { timeout: TIMEOUT }, () => {
  test('of the number of workers is told, and changes nothing', async () => {
    const pids = await pidsOf(gateway)
    await untilLogged(
      'listen, admin, workers or tls changed: they take effect at the next start',
      () => gateway.writePolicy(rules('/more', { workers: SIZE + 1 })),
    )
    expect(await statusesOf('/more')).toEqual({ 200: ALL })
    expect(await pidsOf(gateway)).toEqual(pids)
  })
})
