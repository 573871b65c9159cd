import { AggregatorRegistry, Counter, Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { openRegistry } from '../../gateway/edge/registry.ts'
import { count, countShadow, createSeries, observe, SECONDS } from '../../gateway/edge/series.ts'
import { tellSeries } from '../../gateway/edge/series-metrics.ts'
import type { DataSource, Route } from '../../gateway/model.ts'
import { policyOf as parsed } from '../policy/support.ts'
import { policy } from '../support/policy.ts'

/** What is counted route by route, held against what the library would have counted. */

const BY_ROUTE = ['data_source', 'route'] as const

const policyOf = () =>
  parsed(policy({ issuer: 'http://127.0.0.1:1', upstream: 'http://127.0.0.1:2' }))
const { routes, dataSources } = policyOf()
const [first, second] = routes as readonly [Route, Route]
const [dataSource] = dataSources as readonly [DataSource]

test('is told, in text and between processes, as the library tells it', async () => {
  const { registry, named } = openRegistry()
  const series = createSeries()
  tellSeries(series, named)
  const wanted = new Registry()
  const own = { registers: [wanted] }
  const requests = new Counter({
    ...own,
    name: 'feide_gateway_requests_total',
    help: 'Requests, by how they ended.',
    labelNames: [...BY_ROUTE, 'method', 'status', 'decision', 'code'],
  })
  const shadowed = new Counter({
    ...own,
    name: 'feide_gateway_shadowed_requests_total',
    help: 'Requests that `enforce: false` let through, by what they would have been refused for.',
    labelNames: [...BY_ROUTE, 'code'],
  })
  const histogram = (name: string, help: string) =>
    new Histogram({ ...own, name, help, labelNames: BY_ROUTE, buckets: SECONDS })
  const duration = histogram(
    'feide_gateway_request_duration_seconds',
    'From the first byte of a request to the end of its answer.',
  )
  const upstream = histogram(
    'feide_gateway_upstream_duration_seconds',
    'From the sending of a request to the head of its answer.',
  )
  const tell = async () => {
    for (const { name } of wanted.getMetricsAsArray()) {
      expect(await registry.getSingleMetricAsString(name)).toBe(
        await wanted.getSingleMetricAsString(name),
      )
      const summed = async (from: Registry) => {
        const told = JSON.parse(JSON.stringify([await from.getSingleMetric(name)?.get()]))
        return AggregatorRegistry.aggregate([told, told]).metrics()
      }
      expect(await summed(registry)).toBe(await summed(wanted))
    }
  }

  await tell()
  const times = [0, 0.001, 0.00100001, 0.2, 30, 30.5, 3600]
  const places: readonly [Route | undefined, DataSource | undefined][] = [
    [undefined, undefined],
    [undefined, dataSource],
    [first, dataSource],
    [second, undefined],
  ]
  for (const [i, [route, of]] of places.entries()) {
    const labels = { data_source: i === 0 ? '' : dataSource.id, route: route?.pattern ?? '' }
    for (const [j, seconds] of times.entries()) {
      const method = j % 2 ? 'GET' : 'POST'
      const status = j % 3 ? 200 : ('other' as const)
      const code = j < 5 ? '' : 'scope_missing'
      const one = series.of(route, of)
      count(one, { method, status, code })
      observe(one.duration, seconds)
      const decision = code === '' ? 'allow' : 'deny'
      requests.inc({ ...labels, method, status, decision, code })
      duration.observe(labels, seconds)
      if (i > 1) {
        observe(one.upstream, seconds)
        upstream.observe(labels, seconds)
      }
      if (i === 3) {
        countShadow(one, 'user_required')
        shadowed.inc({ ...labels, code: 'user_required' })
      }
    }
  }
  await tell()
})

test('goes on with the same series under the next policy, whatever method a route is for', () => {
  const series = createSeries()
  const one = series.of(first, dataSource)
  const next = policyOf()
  const [again] = next.routes as readonly [Route]
  expect(again).not.toBe(first)
  expect(series.of(again, next.dataSources[0])).toBe(one)
  expect(series.of({ ...second, pattern: first.pattern }, undefined)).toBe(one)
  expect(series.of(second, dataSource)).not.toBe(one)
  expect(series.of(undefined, dataSource)).not.toBe(series.of(undefined, undefined))
  expect(series.all()).toHaveLength(4)
})
