import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { count, type Sample, samplesOf } from '../life/support.ts'
import { ROOT, writeTemporary } from '../support/gateway.ts'
import { request, send } from '../support/raw.ts'
import { type Redis, startRedis, waitUntil } from '../support/redis.ts'
import { startWorld, type World } from '../support/world.ts'
import { hasPromtool, promtool } from './promtool.ts'

/** What Prometheus gets, and what looks at it: every name is there, and means what it says. */

const ALERTS = 'docker/observe/alerts.yaml'
const DASHBOARD = 'docker/observe/dashboards/feide-gateway.json'
const UNIT_TESTS = 'test/observe/alerts.yaml'
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

let redis: Redis
let one: World
let several: World
beforeAll(async () => {
  redis = await startRedis()
  const shared = { redis: { url: redis.url, secret: 'a-secret' } }
  ;[one, several] = await Promise.all([startWorld(), startWorld({ workers: 2, ...shared })])
  for (const world of [one, several]) {
    const token = world.issuer.token({ scope: 'read' })
    for (const target of ['/courses', '/me', '/nothing']) await world.ask({ target, token })
  }
})
afterAll(async () => {
  await Promise.all([one?.stop(), several?.stop()])
  await redis?.stop()
})

const textOf = async (world: World) => (await world.gateway.admin('/metrics')).text()

describe.skipIf(!hasPromtool)('promtool finds nothing wrong', () => {
  test('with the metrics of one process', async () => {
    expect(promtool(['check', 'metrics'], await textOf(one))).toEqual({ status: 0, said: '' })
  })
  test('with the metrics of several', async () => {
    expect(promtool(['check', 'metrics'], await textOf(several))).toEqual({ status: 0, said: '' })
  })
  test('with the configuration and the alerts', () => {
    expect(promtool(['check', 'config', 'docker/observe/prometheus.yaml'])).toMatchObject({
      status: 0,
    })
    expect(promtool(['check', 'rules', ALERTS])).toMatchObject({ status: 0 })
  })
  test('with how the alerts fire, and when not', () => {
    expect(promtool(['test', 'rules', UNIT_TESTS])).toMatchObject({ status: 0 })
  })
  test('with the queries of the dashboard', () => {
    const rules = queries().map((expr, i) => ({
      record: `query:${i}`,
      expr: expr.replaceAll('$__rate_interval', '5m'),
    }))
    // JSON is YAML.
    const { directory, file } = writeTemporary(JSON.stringify({ groups: [{ name: 'all', rules }] }))
    expect(promtool(['check', 'rules', file])).toMatchObject({ status: 0 })
    rmSync(directory, { recursive: true })
    expect(rules.length).toBeGreaterThan(20)
  })
})

/** Every query of the dashboard. */
function queries(): string[] {
  const { panels } = JSON.parse(read(DASHBOARD)) as {
    panels: { targets: { expr: string }[] }[]
  }
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
}

describe('what is looked at is there', () => {
  const NAMES = /\bfeide_gateway_[a-z0-9_]+/g
  const named = (file: string) => [...new Set(read(file).match(NAMES))].sort()
  /** A histogram is looked at by its parts. */
  const known = (text: string) =>
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map(part => name + part) : [name],
    )
  test.for([ALERTS, DASHBOARD, UNIT_TESTS])('every metric that %s names', async file => {
    const all = new Set(known(await textOf(several)))
    expect(named(file).filter(name => !all.has(name))).toEqual([])
    expect(named(file).length).toBeGreaterThan(5)
  })
  test('every metric that the README names', async () => {
    const all = new Set(known(await textOf(several)))
    const names = [...new Set(read('README.md').match(NAMES))]
    const plain = (name: string) => all.has(name) || all.has(`${name}_bucket`)
    expect(names.filter(name => !plain(name))).toEqual([])
  })
  test('one process has the same, but for its workers', async () => {
    const alone = new Set(known(await textOf(one)))
    const missing = known(await textOf(several)).filter(name => !alone.has(name))
    expect(missing.sort()).toEqual(['feide_gateway_worker_restarts_total', 'feide_gateway_workers'])
  })
  test('every label that an alert tells of', async () => {
    const samples = await samplesOf(several.gateway)
    const labels = new Set(samples.flatMap(sample => Object.keys(sample.labels)))
    const told = [...read(ALERTS).matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label)
    const ofPrometheus = ['instance', 'job']
    expect(told.filter(label => !labels.has(label) && !ofPrometheus.includes(label))).toEqual([])
  })
  test('every alert has a unit test, once quiet and once not', () => {
    const alerts = [...read(ALERTS).matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
    const tests = read(UNIT_TESTS)
    for (const name of alerts) {
      expect(tests.match(new RegExp(`alertname: ${name}\\b`, 'g')), name).toHaveLength(2)
    }
    expect(alerts.length).toBeGreaterThan(10)
  })
})

describe('what is told', () => {
  const seriesOf = (samples: readonly Sample[], name: string) =>
    samples.filter(sample => sample.name === `feide_gateway_${name}`)
  test('of what there is not, nothing: a Redis that is not used is not away', async () => {
    const samples = await samplesOf(one.gateway)
    expect(seriesOf(samples, 'redis_up')).toEqual([])
    expect(seriesOf(await samplesOf(several.gateway), 'redis_up')).toMatchObject([{ value: 1 }])
  })
  test('which version and which policy, and that there is only one', async () => {
    const { version } = JSON.parse(read('package.json')) as { version: string }
    for (const { gateway } of [one, several]) {
      const samples = await samplesOf(gateway)
      const hash = createHash('sha256').update(readFileSync(gateway.policyFile)).digest('hex')
      expect(seriesOf(samples, 'build_info')).toMatchObject([{ labels: { version }, value: 1 }])
      expect(seriesOf(samples, 'policy_info')).toMatchObject([{ labels: { hash }, value: 1 }])
      const [loaded] = seriesOf(samples, 'policy_loaded_timestamp_seconds')
      expect(Math.abs((loaded?.value ?? 0) - Date.now() / 1000)).toBeLessThan(300)
    }
  })
  test('verified tokens, of all processes together', async () => {
    expect(await count(one.gateway, 'feide_gateway_verified_tokens')).toBe(1)
    expect(await count(several.gateway, 'feide_gateway_verified_tokens')).toBeGreaterThan(0)
  })
  test('bytes and connections, as the sockets have them', async () => {
    const figures = async () =>
      Promise.all(
        ['received_bytes_total', 'sent_bytes_total', 'connections'].map(name =>
          count(one.gateway, `feide_gateway_${name}`),
        ),
      )
    await waitUntil(async () => (await figures())[2] === 0, 'there are connections left')
    const before = await figures()
    const last = { Connection: 'close' }
    const bytes = [{}, {}, last].map(headers => request({ target: '/health', headers }))
    const answers = await send(one.gateway.port, Buffer.concat(bytes), { answers: 3 })
    // Nobody asks before the connection has closed: what it had is not to go with it.
    await sleep(200)
    const received = bytes.reduce((sum, { length }) => sum + length, 0)
    const sent = answers.reduce((sum, { raw }) => sum + raw.length, 0)
    let told: number[] = []
    const isTold = async () => {
      told = (await figures()).map((figure, i) => figure - (before[i] ?? 0))
      return told.join() === [received, sent, 0].join()
    }
    await waitUntil(isTold, () => `${told} instead of ${[received, sent, 0]}`)
  })
  test('a policy that is refused, until it is mended: one hash at all times', async () => {
    for (const { gateway } of [one, several]) {
      const good = readFileSync(gateway.policyFile, 'utf8')
      const isGood = () => count(gateway, 'feide_gateway_policy_last_reload_successful')
      gateway.writePolicy(good.replace('scopes:', 'scoops:'))
      await waitUntil(
        async () => (await isGood()) === 0,
        () => gateway.logText,
      )
      const hashes = async () =>
        seriesOf(await samplesOf(gateway), 'policy_info').map(({ labels }) => labels.hash)
      const before = createHash('sha256').update(good).digest('hex')
      expect(await hashes()).toEqual([before])
      gateway.writePolicy(`${good}# mended\n`)
      const after = createHash('sha256').update(`${good}# mended\n`).digest('hex')
      await waitUntil(
        async () => (await hashes())[0] === after,
        () => gateway.logText,
      )
      expect(await hashes()).toEqual([after])
      expect(await isGood()).toBe(1)
    }
  })
})
