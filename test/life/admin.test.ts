import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { METHODS } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Gateway, ROOT, startGateway } from '../support/gateway.ts'
import { startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { request, send, sendOne } from '../support/raw.ts'
import { STATUS } from '../support/refusal.ts'
import { startWorld, type World } from '../support/world.ts'
import { count, holdAnswers, samplesOf } from './support.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

const answerOf = async (gateway: Gateway, path: string) => {
  const response = await gateway.admin(path)
  return [response.status, await response.json()]
}

describe('the admin server', () => {
  test('/healthz: the process lives', async () => {
    expect(await answerOf(world.gateway, '/healthz')).toEqual([200, { status: 'ok' }])
  })
  test('/readyz: a policy is loaded and keys are known', async () => {
    expect(await answerOf(world.gateway, '/readyz')).toEqual([200, { status: 'ready' }])
  })
  test('/status: version, policy, keys and upstreams', async () => {
    const text = readFileSync(world.gateway.policyFile)
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    const [status, body] = await answerOf(world.gateway, '/status')
    const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      version,
      policy: { hash: createHash('sha256').update(text).digest('hex'), loadedAt: isoTime },
      keys: {
        source: 'issuer',
        age: expect.any(Number),
        kids: ['key-1'],
        nextRefresh: isoTime,
        lastError: null,
      },
      upstreams: [
        {
          dataSource: 'grades',
          active: 0,
          pending: 0,
          origins: [{ origin: world.upstream.url, usable: true, inFlight: 0 }],
        },
      ],
    })
  })
  test('has nothing else', async () => {
    const [status] = await answerOf(world.gateway, '/nothing')
    expect(status).toBe(404)
  })
  test('is never reached through the gateway', async () => {
    for (const path of ['/', '/events', '/explain', '/healthz', '/readyz', '/metrics', '/status']) {
      expect((await world.ask({ target: path })).status).toBe(404)
    }
  })
})

describe('/readyz while the issuer is away', () => {
  test('is 503 with the reason, and 200 once it is back', async () => {
    const issuer = await startIssuer()
    issuer.fail = 'error'
    const gateway = await startGateway(policy({ issuer, upstream: 'http://127.0.0.1:1' }))
    await gateway.waitForLog(({ msg }) => msg === 'keys not fetched')
    const url = `${issuer.url}/.well-known/openid-configuration`
    const reason = `the keys of the issuer are not known: ${url}: status 500`
    expect(await answerOf(gateway, '/readyz')).toEqual([503, { status: 'not ready', reason }])
    expect(await answerOf(gateway, '/healthz')).toEqual([200, { status: 'ok' }])
    expect((await answerOf(gateway, '/status'))[1]).toMatchObject({
      keys: { source: null, age: null, kids: [], lastError: `${url}: status 500` },
    })
    issuer.fail = undefined
    const deadline = Date.now() + 10_000
    while ((await gateway.admin('/readyz')).status !== 200) {
      if (Date.now() > deadline) throw new Error(gateway.logText)
      await sleep(50)
    }
    const fetches = await Promise.all(
      ['success', 'failure'].map(outcome =>
        count(gateway, 'feide_gateway_key_fetches_total', { outcome }),
      ),
    )
    expect(fetches[0]).toBe(1)
    expect(fetches[1]).toBeGreaterThan(0)
    expect(await gateway.stop()).toBe(0)
    await issuer.close()
  })
})

describe('/metrics', () => {
  test('is text of Prometheus, with the names and labels of the contract', async () => {
    await world.ask({ target: '/courses', token: world.issuer.token() })
    await world.ask({ target: '/courses' })
    const response = await world.gateway.admin('/metrics')
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    const samples = await samplesOf(world.gateway)
    const labelsOf = (name: string) => {
      const found = samples.filter(sample => sample.name === `feide_gateway_${name}`)
      const lists = found.map(({ labels }) => Object.keys(labels).sort().join())
      return [...new Set(lists)]
    }
    const names = [
      'requests_total',
      'request_duration_seconds_count',
      'request_duration_seconds_bucket',
      'upstream_duration_seconds_count',
      'in_flight_requests',
      'key_fetches_total',
      'log_lines_dropped_total',
    ]
    expect(Object.fromEntries(names.map(name => [name, labelsOf(name)]))).toEqual({
      requests_total: ['code,data_source,decision,method,route,status'],
      request_duration_seconds_count: ['data_source,route'],
      request_duration_seconds_bucket: ['data_source,le,route'],
      upstream_duration_seconds_count: ['data_source,route'],
      in_flight_requests: [''],
      key_fetches_total: ['outcome'],
      log_lines_dropped_total: [''],
    })
    expect(samples.filter(({ name }) => !name.startsWith('feide_gateway_'))).toEqual([])
    expect(await response.text()).toContain('# TYPE feide_gateway_policy_reloads_total counter')
  })
  test('counts a request by what came of it', async () => {
    const route = { data_source: 'grades', route: '/me', method: 'GET' }
    const allowed = { ...route, status: '200', decision: 'allow', code: '' }
    const denied = { ...route, status: '401', decision: 'deny', code: 'token_missing' }
    const counts = () =>
      Promise.all([
        count(world.gateway, 'feide_gateway_requests_total', allowed),
        count(world.gateway, 'feide_gateway_requests_total', denied),
        count(world.gateway, 'feide_gateway_request_duration_seconds_count', { route: '/me' }),
        count(world.gateway, 'feide_gateway_upstream_duration_seconds_count', { route: '/me' }),
      ])
    expect(await counts()).toEqual([0, 0, 0, 0])
    await world.ask({ target: '/me?a=b', token: world.issuer.token() })
    await world.ask({ target: '/me', token: world.issuer.token() })
    await world.ask({ target: '/me' })
    await eventually(counts, [2, 1, 3, 2])
  })
  test('knows how many requests have not been answered yet', async () => {
    const inFlight = () => count(world.gateway, 'feide_gateway_in_flight_requests')
    world.upstream.reset()
    const held = holdAnswers(world.upstream)
    const answers = [1, 2].map(() => world.ask({ target: '/health' }))
    await eventually(inFlight, 2)
    held.letGo()
    await Promise.all(answers)
    await eventually(inFlight, 0)
  })
  test('has bounded labels, whatever callers send', async () => {
    const odd = METHODS.filter(method => method !== 'CONNECT' && method !== 'TRACE')
    for (const [i, method] of odd.entries()) {
      const host = `host-${i}.example.no`
      await sendOne(world.gateway.port, request({ method, target: `/courses/${i}`, host }))
    }
    const wild = [
      request({ method: 'BREW', target: '/pot' }),
      request({ method: 'get', target: '/courses' }),
      request({ target: '/courses/"}\\n' }),
      request({ target: '/a/../b' }),
      request({ host: 'no host' }),
      request({ method: 'TRACE', target: '/courses' }),
      request({ method: 'CONNECT', target: 'a.no:443' }),
      request({ target: '/me', token: 'x'.repeat(100) }),
      request({ target: '/health', headers: { 'X-Request-Id': 'mine' } }),
      request({ target: 'http://a.no/health' }),
      'nonsense\r\n\r\n',
    ]
    for (const bytes of wild) await send(world.gateway.port, bytes)
    const samples = (await samplesOf(world.gateway)).filter(
      ({ name }) => name === 'feide_gateway_requests_total',
    )
    const values = (label: string) => [...new Set(samples.map(({ labels }) => labels[label] ?? ''))]
    const strange = (label: string, known: readonly string[]) =>
      values(label).filter(value => !known.includes(value))
    expect({
      data_source: strange('data_source', ['', 'grades']),
      route: strange('route', ['', '/courses', '/me', '/health']),
      method: strange('method', [...METHODS, 'other']),
      status: values('status').filter(status => !/^[1-5]\d\d$/.test(status)),
      decision: strange('decision', ['allow', 'deny']),
      code: strange('code', ['', ...Object.keys(STATUS)]),
    }).toEqual({ data_source: [], route: [], method: [], status: [], decision: [], code: [] })
    expect(values('method')).toContain('other')
  })
})

async function eventually<T>(look: () => Promise<T>, expected: T): Promise<void> {
  const deadline = Date.now() + 3000
  while (JSON.stringify(await look()) !== JSON.stringify(expected) && Date.now() < deadline) {
    await sleep(20)
  }
  expect(await look()).toEqual(expected)
}
