import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { ROOT } from '../support/gateway.ts'
import { request, sendOne } from '../support/raw.ts'
import { headerOf } from '../support/upstream.ts'
import { startWorld, type World } from '../support/world.ts'
import { type Collector, callersTrace, sendingTo, startCollector } from '../trace/collector.ts'
import { untilServing } from './workers.ts'

const PROGRAM = packageJson.bin['feide-gateway']

const env = { ...process.env, GRADES_PASSWORD: 'x' }

const run = (program: string, args: readonly string[]): string =>
  execFileSync(process.execPath, [join(ROOT, program), ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    env,
  }).replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'the id of a request')

beforeAll(() => {
  execFileSync('npm', ['run', 'build'], { cwd: ROOT })
})

describe('the program that is published', () => {
  test('needs nothing of the source, nor of what it is built with', () => {
    const files = readdirSync(join(ROOT, 'dist'))
    expect(files.filter(file => !file.endsWith('.cjs'))).toEqual([])
  })

  test('knows its version', () => {
    expect(run(PROGRAM, ['--version']).trim()).toBe(packageJson.version)
  })

  test.each([
    ['check', 'config/gateway.yaml'],
    ['routes', 'config/gateway.yaml'],
    ['schema'],
    ['explain', 'config/gateway.yaml', 'GET', '/health'],
    ['token', '--help'],
    ['keys', '--help'],
  ])('has the command %s', (...args) => {
    expect(run(PROGRAM, args)).toBe(run('gateway/main.ts', args))
  })
})

describe.each([1, 2])('the program that is published, with workers: %i', workers => {
  let world: World
  let collector: Collector
  beforeAll(async () => {
    collector = await startCollector()
    world = await startWorld({ workers }, { program: PROGRAM, env: sendingTo(collector) })
    if (workers > 1) await untilServing(world.gateway, workers)
  })
  afterAll(async () => {
    await world?.stop()
    await collector?.close()
  })

  test('sends its spans to a collector', async () => {
    const { traceId, traceparent } = callersTrace()
    await world.ask({ target: '/health', headers: { traceparent } })
    const spans = await collector.trace(traceId, 2)
    expect(spans.map(({ name }) => name).sort()).toEqual(['GET', 'GET /health'])
    world.upstream.reset()
  })

  test('serves', async () => {
    const token = world.issuer.token(world.issuer.claims())
    const bytes = request({ target: '/courses', token })
    const { status } = await sendOne(world.gateway.port, bytes)
    const [seen] = world.upstream.requests
    expect({ status, userid: seen && headerOf(seen, 'x-dataporten-userid').length }).toEqual({
      status: 200,
      userid: 1,
    })
  })
})
