import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decideOn } from '../explain/decide.ts'
import { explanationOf } from '../explain/explanation.ts'
import type { Policy } from '../policy/policy.ts'
import { readCounts } from './counts.ts'
import { measure } from './measure.ts'
import { METRICS_TYPE } from './metrics.ts'
import { createFeed } from './page/feed.ts'
import type { PageSource } from './page/source.ts'
import { type AdminState, statusOf } from './status.ts'

/** What the admin server tells: of one process, or of several that serve together. */
export interface AdminView extends PageSource {
  /** Text of Prometheus. */
  readonly metrics: () => Promise<string>
}

/**
 * Health, metrics, status and the page on a port of their own, which is never proxied (contract 7). What
 * programs ask for is answered here; the page is loaded when somebody opens it: Node's `Request`, which
 * comes with it, costs a process some ten megabytes.
 */
export function adminServer(view: AdminView, admin: Policy['admin']): Server {
  const feed = createFeed(view)
  const secret = admin === 'off' ? undefined : admin.secret
  const bound = () => (server.address() as AddressInfo | null)?.address ?? ''
  const paths = Object.keys(PLAIN)
  let page: ReturnType<typeof loadPage> | undefined
  const loadPage = async () =>
    (await import('./page/listener.ts')).pageListener(view, feed, { bound, secret }, paths)

  const server = createServer(async (incoming, response) => {
    try {
      const answer = plainFor(incoming)
      if (!answer) {
        page ??= loadPage()
        return await (await page)(incoming, response)
      }
      const { status, type = 'application/json', text } = await answer(view)
      const length = Buffer.byteLength(text)
      response.writeHead(status, { 'Content-Type': type, 'Content-Length': length }).end(text)
    } catch {
      if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain' })
      response.end('The gateway could not answer this, by a fault of its own.\n')
    }
  })
  server.once('listening', feed.start)
  server.once('close', feed.stop)
  return server
}

interface Plain {
  readonly status: number
  /** JSON unless it says so. */
  readonly type?: string
  readonly text: string
}

const json = (value: unknown, status = 200): Plain => ({ status, text: JSON.stringify(value) })

const PLAIN: Readonly<Record<string, (view: AdminView) => Promise<Plain>>> = {
  '/healthz': async () => json({ status: 'ok' }),
  '/readyz': async ({ notReady }) => {
    const reason = await notReady()
    return reason === undefined
      ? json({ status: 'ready' })
      : json({ status: 'not ready', reason }, 503)
  },
  '/metrics': async ({ metrics }) => ({ status: 200, type: METRICS_TYPE, text: await metrics() }),
  '/status': async ({ status }) => json(await status()),
}

function plainFor({ method, url = '' }: IncomingMessage) {
  if (method !== 'GET' && method !== 'HEAD') return undefined
  // A target may be a whole address (RFC 9112 §3.2.2).
  const path = URL.parse(url, 'http://admin.invalid')?.pathname ?? ''
  return Object.hasOwn(PLAIN, path) ? PLAIN[path] : undefined
}

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
