import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { decideOn } from '../explain/decide.ts'
import { explanationOf } from '../explain/explanation.ts'
import type { Policy } from '../policy/policy.ts'
import { readCounts } from './counts.ts'
import { measure } from './measure.ts'
import { METRICS_TYPE } from './metrics.ts'
import { addPage, PAGE_PATHS } from './page/app.ts'
import { createFeed } from './page/feed.ts'
import type { PageSource } from './page/source.ts'
import { type AdminState, statusOf } from './status.ts'

/** What the admin server tells: of one process, or of several that serve together. */
export interface AdminView extends PageSource {
  /** Text of Prometheus. */
  readonly metrics: () => Promise<string>
}

/** Health, metrics, status and the page on a port of their own, which is never proxied (contract 7). */
export function adminServer(view: AdminView, admin: Policy['admin']): Server {
  const { notReady, metrics, status } = view
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
  app.notFound(c => c.json({ error: 'not found', paths: [...PATHS, ...PAGE_PATHS] }, 404))

  const feed = createFeed(view)
  const secret = admin === 'off' ? undefined : admin.secret
  const bound = () => (server.address() as AddressInfo | null)?.address ?? ''
  addPage(app, view, feed, { bound, secret })
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  server.once('listening', feed.start)
  server.once('close', feed.stop)
  return server
}

const PATHS = ['/healthz', '/readyz', '/metrics', '/status']

/** What there is to tell of this process alone. */
export const viewOf = (
  state: AdminState,
  { reloadFailure, refusals }: Pick<PageSource, 'reloadFailure' | 'refusals'>,
): AdminView => ({
  notReady: async () => state.notReady(),
  metrics: () => {
    measure(state)
    return state.metrics.registry.metrics()
  },
  status: async () => statusOf(state),
  counts: async () => readCounts(state.metrics),
  policy: state.policy,
  explain: asked => explainFor(state, asked),
  reloadFailure,
  refusals,
})

/** By the policy in force, and with the keys that requests are verified with. */
export const explainFor: (
  state: AdminState,
  ...asked: Parameters<PageSource['explain']>
) => ReturnType<PageSource['explain']> = async ({ policy, findKey }, asked) =>
  explanationOf(await decideOn(policy(), asked, findKey), asked)
