import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { policy } from '../support/policy.ts'
import { startWorld, type World } from '../support/world.ts'
import { untilServing } from './workers.ts'

const RULES = {
  log: { format: 'pretty' },
  dataSources: {
    grades: {
      upstream: { connectTimeout: '1s' },
      routes: { 'GET /courses/{id}': { scopes: ['read'] }, 'GET /health': 'public' },
    },
  },
}

/** What is there now or comes within some seconds. */
async function find(world: World, pattern: RegExp): Promise<string> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const [found] = world.gateway.logText.match(pattern) ?? []
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`no ${pattern} in:\n${world.gateway.logText}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

describe.each([1, 2])('log.format: pretty with workers: %i', workers => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({ ...RULES, workers })
    if (workers > 1) await untilServing(world.gateway, workers)
  })
  afterAll(() => world.stop())

  const write = (more: object) => {
    const { issuer, upstream } = world
    world.gateway.writePolicy(policy({ issuer, upstream, ...RULES, workers, ...more }))
  }

  test('says where it listens', () => {
    expect(world.gateway.logText).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} info {2}listening listener=gateway address=127\.0\.0\.1 port=\d+$/m,
    )
  })
  test('says what was asked for and what became of it, without the braces of JSON', async () => {
    const headers = { 'X-Request-Id': 'mine' }
    await world.ask({ target: '/courses/7', token: world.issuer.token(), headers })
    expect(await find(world, /^.*requestId=mine.*$/m)).toMatch(
      /^[\d:.]{12} info {2}GET \/courses\/\{id\} 200 allow [\d.]+ ms requestId=mine dataSource=grades clientId=[0-9a-f-]{36} principal=user upstreamMs=[\d.]+$/,
    )
  })
  test('says why a request was refused', async () => {
    await world.ask({ target: '/courses/7', headers: { 'X-Request-Id': 'refused' } })
    expect(await find(world, /^.*requestId=refused.*$/m)).toMatch(
      /^[\d:.]{12} info {2}GET \/courses\/\{id\} 401 token_missing [\d.]+ ms requestId=refused dataSource=grades$/,
    )
  })
  test('gives each fault of a policy a line of its own', async () => {
    world.gateway.writePolicy('listen: nowhere\nadmin: nowhere\nextra: yes\n')
    const text = await find(world, /^.*policy reload failed.*\n(?: {4}.*\n)+/m)
    expect(text).toMatch(/^[\d:.]{12} error policy reload failed file=\S+\n( {4}\S.*\n){2,}$/)
    expect(text).toContain('\n    ')
    expect(text).toContain('1:9: listen: expected an address')
  })
  test('becomes JSON again with the policy that says so, and back', async () => {
    write({ log: { format: 'json' } })
    await find(world, /^\{"level":"info".*"msg":"policy reloaded"\}$/m)
    await world.ask({ target: '/health', headers: { 'X-Request-Id': 'in-json' } })
    await find(world, /^\{.*"requestId":"in-json".*\}$/m)
    write({ log: { format: 'pretty' } })
    await find(world, /^[\d:.]{12} info {2}policy reloaded file=.*$/m)
  })
})
