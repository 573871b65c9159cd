import { afterEach, describe, expect, test } from 'vitest'
import { count } from '../life/support.ts'
import { waitUntil } from '../support/redis.ts'
import { headerOf } from '../support/upstream.ts'
import { startWorld, type World, type WorldOptions } from '../support/world.ts'
import { type Collector, callersTrace, sendingTo, startCollector } from './collector.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function collectorFor(mode: Collector['mode'] = 'well'): Promise<Collector> {
  const collector = await startCollector()
  cleanups.push(collector.close)
  collector.mode = mode
  return collector
}

async function worldWith(env: WorldOptions['env'] & object, policy = {}): Promise<World> {
  const world = await startWorld(policy, { env })
  cleanups.push(world.stop)
  return world
}

const ask = async (world: World, times = 1) => {
  const statuses: number[] = []
  for (let i = 0; i < times; i += 1) statuses.push((await world.ask({ target: '/health' })).status)
  return statuses
}

/** Stops the gateway before its time; how many milliseconds that took. */
async function stopNow(world: World): Promise<number> {
  cleanups.splice(cleanups.indexOf(world.stop), 1)
  const begun = performance.now()
  await world.stop()
  return performance.now() - begun
}

describe('without a collector', () => {
  test('the API gets the traceparent of the caller as it came', async () => {
    const world = await worldWith({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })
    const { traceparent } = callersTrace()
    await world.ask({ target: '/health', headers: { traceparent } })
    const [seen] = world.upstream.requests
    expect(seen && headerOf(seen, 'traceparent')).toEqual([traceparent])
  })
  test('so does it where OpenTelemetry is switched off', async () => {
    const collector = await collectorFor()
    const world = await worldWith({ ...sendingTo(collector), OTEL_SDK_DISABLED: 'true' })
    const { traceparent } = callersTrace()
    await world.ask({ target: '/health', headers: { traceparent } })
    const [seen] = world.upstream.requests
    expect(seen && headerOf(seen, 'traceparent')).toEqual([traceparent])
    await stopNow(world)
    expect(collector.paths).toEqual([])
  })
})

describe('OpenTelemetry’s variables', () => {
  test('name the service and say who may send', async () => {
    const collector = await collectorFor()
    const world = await worldWith({
      ...sendingTo(collector),
      OTEL_SERVICE_NAME: 'the-gateway-of-grades',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=abc',
    })
    await ask(world)
    await waitUntil(
      async () => collector.spans.length >= 2,
      () => collector.text,
    )
    expect(collector.spans[0]?.resource).toMatchObject({
      'service.name': 'the-gateway-of-grades',
      'deployment.environment.name': 'test',
    })
    expect(collector.headers[0]).toMatchObject({ 'api-key': 'abc' })
    expect(collector.paths[0]).toBe('POST /v1/traces')
  })
  test.each([
    ['always_off', { OTEL_TRACES_SAMPLER: 'always_off' }, []],
    ['a ratio of 0', { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, []],
    ['always_on', { OTEL_TRACES_SAMPLER: 'always_on' }, [2, 3]],
    ['a name that is none', { OTEL_TRACES_SAMPLER: 'sometimes' }, []],
  ])('choose what is written: %s', async (name, env, kinds) => {
    const collector = await collectorFor()
    const world = await worldWith({ ...sendingTo(collector), ...env })
    await world.ask({
      target: '/health',
      headers: { traceparent: callersTrace(false).traceparent },
    })
    if (name === 'a name that is none') {
      await world.gateway.waitForLog(({ msg }) => String(msg).includes('names no sampler'))
    }
    await stopNow(world)
    expect(collector.spans.map(({ kind }) => kind).sort()).toEqual(kinds)
  })
})

describe('a collector that', () => {
  test('comes late for the last spans gets them when the gateway stops', async () => {
    const collector = await collectorFor()
    const world = await worldWith({ ...sendingTo(collector), OTEL_BSP_SCHEDULE_DELAY: '600000' })
    await ask(world, 3)
    expect(collector.spans.length).toBe(0)
    await stopNow(world)
    expect(collector.spans.length).toBe(6)
  })
  test('is broken costs spans, which are counted and told once, and no request', async () => {
    const collector = await collectorFor('broken')
    const world = await worldWith(sendingTo(collector))
    expect(await ask(world, 5)).toEqual([200, 200, 200, 200, 200])
    const isTold = ({ msg }: { readonly msg?: unknown }) => msg === 'traces are not delivered'
    expect(await world.gateway.waitForLog(isTold)).toMatchObject({ level: 'warn' })
    const failed = () =>
      count(world.gateway, 'feide_gateway_trace_spans_total', { outcome: 'failed' })
    await waitUntil(
      async () => (await failed()) === 10,
      () => world.gateway.logText,
    )
    await ask(world)
    await waitUntil(
      async () => (await failed()) === 12,
      () => world.gateway.logText,
    )
    expect(world.gateway.logs.filter(isTold).length).toBe(1)
    collector.mode = 'well'
    await ask(world)
    await world.gateway.waitForLog(({ msg }) => msg === 'traces are delivered again')
    const delivered = { outcome: 'delivered' }
    expect(await count(world.gateway, 'feide_gateway_trace_spans_total', delivered)).toBe(2)
  })
  test.each([
    ['is not there', () => ({ url: 'http://127.0.0.1:1' })],
    ['never answers', () => collectorFor('slow')],
  ])(
    '%s holds up no request, and the gateway for no longer than it may drain',
    async (_, start) => {
      const collector = await start()
      const world = await worldWith(sendingTo(collector), { limits: { drain: '1s' } })
      expect(await ask(world, 20)).toEqual(Array(20).fill(200))
      expect(await stopNow(world)).toBeLessThan(10_000)
    },
  )
  test('cannot be, since its address is none, keeps no gateway from its work', async () => {
    const world = await worldWith({ OTEL_EXPORTER_OTLP_ENDPOINT: 'no address' })
    expect(await ask(world)).toEqual([200])
  })
})
