import { startFeide } from '../../docker/local-stack/feide.ts'
import type { Running } from '../../docker/local-stack/listen.ts'
import { GRADES_API } from '../local-stack/feide/support.ts'
import { eventually, PLANNER } from '../local-stack/support.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { policy } from '../support/policy.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

/** The stand-in for Feide, a recording API, and a gateway between them that exchanges tokens. */
export interface Stage {
  readonly feide: Running
  readonly upstream: Upstream
  readonly gateway: Gateway
  /** What the counter of exchanges says, as `direction outcome` -> number. */
  exchanges(of?: Gateway): Promise<Record<string, number>>
  stop(): Promise<void>
}

export const API = { clientId: GRADES_API.id, clientSecret: GRADES_API.secret }
export const CLIENT = { clientId: PLANNER.id, clientSecret: PLANNER.secret }
export const OPAQUE = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export const ROUTES = {
  'GET /courses': { scopes: ['read'] },
  'POST /courses': { scopes: ['admin'] },
  'GET /me': 'authenticated',
  'GET /live': 'authenticated',
  'GET /open': 'public',
}

export async function startStage(
  dataSource: Record<string, unknown>,
  others: Record<string, unknown> = {},
): Promise<Stage> {
  const feide = await startFeide({ port: 0 })
  const upstream = await startUpstream()
  const gateway = await startBeside({ feide, upstream }, dataSource, others)
  return {
    feide,
    upstream,
    gateway,
    exchanges: async (of = gateway) => countsIn(await (await of.admin('/metrics')).text()),
    stop: async () => {
      await gateway.stop()
      await upstream.close()
      await feide.close().catch(() => {})
    },
  }
}

/** A gateway that is ready: it has the keys. */
export async function startBeside(
  { feide, upstream }: Pick<Stage, 'feide' | 'upstream'>,
  dataSource: Record<string, unknown>,
  others: Record<string, unknown> = {},
): Promise<Gateway> {
  const grades = { routes: ROUTES, ...dataSource }
  const text = policy({ issuer: feide.url, upstream, dataSources: { grades }, ...others })
  const gateway = await startGateway(text)
  if (!(await eventually(async () => (await gateway.admin('/readyz')).ok))) {
    throw new Error(`the gateway is not ready:\n${gateway.logText}`)
  }
  return gateway
}

function countsIn(metrics: string): Record<string, number> {
  const lines = metrics.matchAll(/^feide_gateway_token_exchanges_total\{(.*)\} (\d+)$/gm)
  const named = (labels: string, name: string) =>
    new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1] ?? ''
  return Object.fromEntries(
    [...lines].map(([, labels = '', count]) => [
      `${named(labels, 'direction')} ${named(labels, 'outcome')}`,
      Number(count),
    ]),
  )
}
