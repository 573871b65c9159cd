import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { untilServing } from '../life/workers.ts'
import { CLAIM, CLIENT_ID, USER_ID } from '../support/issuer.ts'
import { request, send } from '../support/raw.ts'
import { headerOf, reply } from '../support/upstream.ts'
import { startWorld, type World } from '../support/world.ts'
import {
  type Collector,
  callersTrace,
  type SpanSaid,
  sendingTo,
  startCollector,
} from './collector.ts'

const SERVER = 2
const CLIENT = 3
const NIN = '01010112345'

const POLICY = {
  dataSources: {
    grades: {
      headers: { useridSec: ['feide', 'nin'] },
      routes: {
        'GET /courses/{id}': { scopes: ['read'] },
        'GET /health': 'public',
        'GET /me': 'authenticated',
      },
    },
    gone: {
      audience: 'gone',
      hosts: ['gone.test'],
      upstream: { urls: ['http://127.0.0.1:1', 'http://127.0.0.1:2'] },
      routes: { 'GET /**': 'public' },
    },
  },
}

describe.each([1, 2])('the spans of a request, with workers: %i', workers => {
  let world: World
  let collector: Collector
  beforeAll(async () => {
    collector = await startCollector()
    world = await startWorld({ ...POLICY, workers }, { env: sendingTo(collector) })
    if (workers > 1) await untilServing(world.gateway, workers)
  })
  afterEach(() => world.upstream.reset())
  afterAll(async () => {
    await world.stop()
    await collector.close()
  })

  const one = (spans: readonly SpanSaid[], kind: number): SpanSaid => {
    const found = spans.filter(span => span.kind === kind)
    if (found.length !== 1 || !found[0]) throw new Error(`${found.length} of kind ${kind}`)
    return found[0]
  }

  test('are one for the gateway, in the trace of the caller, and one for the API', async () => {
    const { traceId, spanId, traceparent } = callersTrace()
    const headers = { traceparent, tracestate: 'vendor=1', 'X-Request-Id': 'mine' }
    await world.ask({ target: '/courses/7?name=Kari', headers, token: world.issuer.token() })
    const spans = await collector.trace(traceId, 2)
    const [server, client] = [one(spans, SERVER), one(spans, CLIENT)]
    expect(server).toMatchObject({
      name: 'GET /courses/{id}',
      parentSpanId: spanId,
      status: 0,
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/courses/{id}',
        'http.response.status_code': 200,
        'url.scheme': 'http',
        'server.address': 'gateway.test',
        'network.protocol.version': '1.1',
        'feide_gateway.request_id': 'mine',
        'feide_gateway.data_source': 'grades',
        'feide_gateway.decision': 'allow',
        'feide_gateway.client_id': CLIENT_ID,
        'feide_gateway.principal': 'user',
      },
      resource: { 'service.name': 'feide-gateway', 'service.version': expect.any(String) },
    })
    expect(client).toMatchObject({
      name: 'GET',
      parentSpanId: server.spanId,
      status: 0,
      attributes: {
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'server.address': '127.0.0.1',
        'server.port': world.upstream.port,
        'url.scheme': 'http',
      },
    })
    expect(server.start <= client.start && client.start < client.end).toBe(true)
    expect(client.end <= server.end).toBe(true)
    const [seen] = world.upstream.requests
    expect(seen && headerOf(seen, 'traceparent')).toEqual([`00-${traceId}-${client.spanId}-01`])
    expect(seen && headerOf(seen, 'tracestate')).toEqual(['vendor=1'])
  })

  test.each([
    ['none', []],
    ['one that is malformed', [['traceparent', 'a-trace']]],
    ['one of zeros', [['traceparent', `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`]]],
    [
      'two',
      [
        ['traceparent', callersTrace().traceparent],
        ['Traceparent', callersTrace().traceparent],
      ],
    ],
  ] as const)('begin a trace where a caller names %s, without its tracestate', async (_, named) => {
    const headers: [string, string][] = named.map(([name, value]) => [name, value])
    await world.ask({ target: '/health', headers: [...headers, ['tracestate', 'vendor=1']] })
    const [seen] = world.upstream.requests
    const [own = '', ...others] = seen ? headerOf(seen, 'traceparent') : []
    expect(others).toEqual([])
    const [, traceId = '', spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(own) ?? []
    const spans = await collector.trace(traceId, 2)
    expect(one(spans, SERVER).parentSpanId).toBeUndefined()
    expect(one(spans, CLIENT).spanId).toBe(spanId)
    expect(named.filter(([, value]) => value.includes(traceId))).toEqual([])
    expect(seen && headerOf(seen, 'tracestate')).toEqual([])
  })

  test('are not written where the caller does not write its own, and the API is told so', async () => {
    const { traceId, traceparent } = callersTrace(false)
    await world.ask({ target: '/health', headers: { traceparent } })
    const [seen] = world.upstream.requests
    const [own = ''] = seen ? headerOf(seen, 'traceparent') : []
    expect(own).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`))
    expect(own).not.toBe(traceparent)
    const other = callersTrace()
    await world.ask({ target: '/health', headers: { traceparent: other.traceparent } })
    await collector.trace(other.traceId, 2)
    expect(collector.spans.filter(span => span.traceId === traceId)).toEqual([])
  })

  test('are one where the gateway refuses, with the reason, which is no error', async () => {
    const { traceId, traceparent } = callersTrace()
    await world.ask({ target: '/courses/7', headers: { traceparent } })
    await world.ask({ target: '/nothing/here', headers: { traceparent } })
    const spans = await collector.trace(traceId, 2)
    expect(spans.map(({ name, kind, status }) => ({ name, kind, status }))).toEqual([
      { name: 'GET /courses/{id}', kind: SERVER, status: 0 },
      { name: 'GET', kind: SERVER, status: 0 },
    ])
    expect(spans.map(({ attributes }) => attributes['feide_gateway.code'])).toEqual([
      'token_missing',
      'route_unknown',
    ])
  })

  test('say that an API is away, and each place that was tried', async () => {
    const { traceId, traceparent } = callersTrace()
    await world.ask({ target: '/a', host: 'gone.test', headers: { traceparent } })
    const spans = await collector.trace(traceId, 3)
    const server = one(spans, SERVER)
    expect(server).toMatchObject({
      status: 2,
      attributes: {
        'http.response.status_code': 502,
        'error.type': 'upstream_unavailable',
        'feide_gateway.decision': 'deny',
      },
    })
    const tried = spans.filter(({ kind }) => kind === CLIENT)
    expect(tried.map(({ status }) => status)).toEqual([2, 2])
    expect(tried.map(({ attributes }) => attributes['server.port']).sort()).toEqual([1, 2])
    expect(tried.map(({ attributes }) => attributes['error.type']).sort()).toEqual([
      'unanswered',
      'upstream_unavailable',
    ])
    expect(tried.map(({ attributes }) => attributes['http.request.resend_count'])).toContain(1)
    expect(tried.map(({ parentSpanId }) => parentSpanId)).toEqual([server.spanId, server.spanId])
  })

  test('say that an API answers with an error', async () => {
    const { traceId, traceparent } = callersTrace()
    world.upstream.answer = () => reply({ status: 503 })
    await world.ask({ target: '/health', headers: { traceparent } })
    const spans = await collector.trace(traceId, 2)
    expect(spans.map(({ status }) => status)).toEqual([2, 2])
    expect(spans.map(({ attributes }) => attributes['error.type'])).toEqual(['503', '503'])
  })

  test('cover a WebSocket, until it is closed', async () => {
    const { traceId, traceparent } = callersTrace()
    world.upstream.answer = () =>
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
    const headers = {
      traceparent,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    const [answer] = await send(world.gateway.port, request({ target: '/health', headers }))
    const spans = await collector.trace(traceId, 2)
    const [seen] = world.upstream.requests
    expect(answer?.status).toBe(101)
    expect(seen && headerOf(seen, 'traceparent')).toEqual([
      `00-${traceId}-${one(spans, CLIENT).spanId}-01`,
    ])
    expect(one(spans, SERVER).attributes).toMatchObject({ 'http.response.status_code': 101 })
  })

  test('hold no token, national id, user, path or query', async () => {
    const { traceId, traceparent } = callersTrace()
    const token = world.issuer.token({ [`${CLAIM}nin`]: NIN })
    await world.ask({ target: '/courses/a-path?q=a-query', headers: { traceparent }, token })
    await world.ask({ target: '/a-path?q=a-query', headers: { traceparent }, token })
    await collector.trace(traceId, 3)
    const secrets = [...token.split('.').slice(1), NIN, USER_ID, 'a-path', 'a-query', '127.0.0.1:5']
    expect(secrets.filter(secret => collector.text.includes(secret))).toEqual([])
    const keys = new Set(collector.spans.flatMap(({ attributes }) => Object.keys(attributes)))
    expect([...keys].filter(key => /client\.address|url\.(?:path|query|full)/.test(key))).toEqual(
      [],
    )
  })
})
