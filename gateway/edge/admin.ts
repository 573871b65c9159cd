import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { measure } from './measure.ts'
import { METRICS_TYPE } from './metrics.ts'
import { type AdminState, statusOf } from './status.ts'

/** What the admin server tells: of one process, or of several that serve together. */
export interface AdminView {
  /** Why the gateway should get no requests, or `undefined`. */
  readonly notReady: () => Promise<string | undefined>
  /** Text of Prometheus. */
  readonly metrics: () => Promise<string>
  readonly status: () => Promise<object>
}

/** Health, metrics and status on a port of their own, which is never proxied (contract 7). */
export function adminServer({ notReady, metrics, status }: AdminView): Server {
  const app = new Hono()
  app.get('/healthz', c => c.json({ status: 'ok' }))
  app.get('/readyz', async c => {
    const reason = await notReady()
    return reason === undefined
      ? c.json({ status: 'ready' })
      : c.json({ status: 'not ready', reason }, 503)
  })
  app.get('/metrics', async c => c.body(await metrics(), 200, { 'Content-Type': METRICS_TYPE }))
  app.get('/status', async c => c.json(await status()))
  app.notFound(c => c.json({ error: 'not found', paths: PATHS }, 404))
  return createAdaptorServer({ fetch: app.fetch }) as Server
}

const PATHS = ['/healthz', '/readyz', '/metrics', '/status']

/** What there is to tell of this process alone. */
export const viewOf = (state: AdminState): AdminView => ({
  notReady: async () => state.notReady(),
  metrics: () => {
    measure(state)
    return state.metrics.registry.metrics()
  },
  status: async () => statusOf(state),
})
