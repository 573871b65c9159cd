import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import type { Upstream } from '../model.ts'
import type { Policy } from '../policy/policy.ts'
import type { KeyStatus } from '../token/keys.ts'
import type { UpstreamStatus } from '../upstream/upstreams.ts'
import { measure } from './measure.ts'
import type { Metrics } from './metrics.ts'

export interface AdminState {
  readonly version: string
  readonly policy: () => Policy
  /** Milliseconds since the epoch. */
  readonly loadedAt: () => number
  readonly keys: () => KeyStatus
  /** Whether Redis answers; `undefined` where there is none. */
  readonly redisUp: () => boolean | undefined
  readonly upstream: (upstream: Upstream) => UpstreamStatus
  /** Why the gateway should get no requests, or `undefined`. */
  readonly notReady: () => string | undefined
  readonly metrics: Metrics
}

/** Health, metrics and status on a port of their own, which is never proxied (contract 7). */
export function adminServer(state: AdminState) {
  const app = new Hono()
  app.get('/healthz', c => c.json({ status: 'ok' }))
  app.get('/readyz', c => {
    const reason = state.notReady()
    return reason === undefined
      ? c.json({ status: 'ready' })
      : c.json({ status: 'not ready', reason }, 503)
  })
  app.get('/metrics', async c => {
    const { registry } = state.metrics
    measure(state)
    return c.body(await registry.metrics(), 200, { 'Content-Type': registry.contentType })
  })
  app.get('/status', c => c.json(statusOf(state)))
  app.notFound(c => c.json({ error: 'not found', paths: PATHS }, 404))
  return createAdaptorServer({ fetch: app.fetch })
}

const PATHS = ['/healthz', '/readyz', '/metrics', '/status']

function statusOf({ version, policy, loadedAt, keys, redisUp, upstream: look }: AdminState) {
  const { hash, dataSources } = policy()
  const { source, age, kids, unusable, distrusted, nextRefresh, lastError } = keys()
  const up = redisUp()
  return {
    version,
    policy: { hash, loadedAt: isoTime(loadedAt()) },
    keys: {
      source: source ?? null,
      age: age === undefined ? null : Math.round(age / 1000),
      kids,
      unusable,
      distrusted,
      nextRefresh: nextRefresh === undefined ? null : isoTime(nextRefresh),
      lastError: lastError ?? null,
    },
    redis: up === undefined ? null : { up },
    upstreams: dataSources.map(({ id, upstream }) => ({
      dataSource: id,
      ...look(upstream),
    })),
  }
}

const isoTime = (ms: number) => new Date(ms).toISOString()
