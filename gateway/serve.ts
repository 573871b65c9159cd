import type { Server } from 'node:http'
import type { Writable } from 'node:stream'
import { adminServer } from './edge/admin.ts'
import { drain, listen } from './edge/drain.ts'
import type { IssuerKeys } from './edge/keys.ts'
import { lineWriter } from './edge/lines.ts'
import { goLive } from './edge/live.ts'
import { createLog } from './edge/log.ts'
import { createMetrics } from './edge/metrics.ts'
import { followPolicy } from './edge/policy-file.ts'
import { recorder } from './edge/record.ts'
import { createEdgeServer } from './edge/server.ts'
import type { Policy } from './policy/policy.ts'
import type { Environment } from './policy/source.ts'
import { timerLimit } from './timer.ts'
import { createUpstreams } from './upstream/upstreams.ts'

/** A gateway in service. */
export interface Gateway {
  /** Reads the policy again (one with a fault leaves the old one in force) and fetches the keys anew. */
  readonly reload: () => void
  /** Stops accepting, lets requests in flight finish, for `limits.drain` at most. */
  readonly stop: () => Promise<void>
}

export interface ServeOptions {
  readonly policy: Policy
  readonly env: Environment
  readonly version: string
  /** Where log lines go. */
  readonly stdout: Writable
}

/** Milliseconds that the reader of the log has for the last lines. */
const LAST_LINES = 500

/** Puts a policy into service. Rejects where an address cannot be listened on. */
export async function serve({ policy, env, version, stdout }: ServeOptions): Promise<Gateway> {
  const metrics = createMetrics()
  const lines = lineWriter(stdout, dropped => metrics.logLinesDropped.inc(dropped))
  const log = createLog(lines, policy.log.level)
  const upstreams = createUpstreams({
    onAvoided: (origin, cause) => log.warn({ origin, cause }, 'upstream origin is down'),
    onBack: origin => log.info({ origin }, 'upstream origin is back'),
  })
  const live = goLive(policy, { log, metrics })
  const putInForce = (next: Policy) => {
    live.putInForce(next)
    log.setLevel(next.log.level)
    adjust(next)
  }
  const files = followPolicy(policy, { env, log, metrics, putInForce })
  const current = live.service
  let draining = false

  const record = recorder(log, metrics, () => current().policy.log.userid)
  const tools = { current, draining: () => draining, upstreams, log, metrics, record }
  const { server, upgraded } = createEdgeServer(tools, policy.limits)
  const admin = adminServer({
    version,
    policy: () => current().policy,
    loadedAt: live.loadedAt,
    keys: () => live.keys().status(),
    redisUp: () => live.keys().redisUp(),
    upstream: upstreams.status,
    notReady: () => (draining ? 'the gateway is shutting down' : keysMissing(live.keys())),
    metrics,
  }) as Server

  function adjust({ dataSources, limits }: Policy): void {
    upstreams.use(dataSources.map(({ upstream }) => upstream))
    server.headersTimeout = timerLimit(limits.headerTimeout)
    server.keepAliveTimeout = timerLimit(limits.keepAlive)
    server.maxConnections = limits.connections
  }
  adjust(policy)
  try {
    const { address, port } = await listen(server, policy.listen)
    const own = policy.admin === 'off' ? undefined : await listen(admin, policy.admin)
    log.always({ listener: 'gateway', address, port }, 'listening')
    if (own) log.always({ listener: 'admin', address: own.address, port: own.port }, 'listening')
  } catch (error) {
    server.close()
    files.close()
    await live.close()
    throw error
  }

  const reload = () => {
    files.reload()
    void live.keys().refresh()
  }
  const stop = async () => {
    draining = true
    log.info({}, 'draining')
    await drain(server, upgraded, current().policy.limits.drain)
    admin.closeAllConnections()
    admin.close()
    files.close()
    await live.close()
    await upstreams.close()
    log.info({}, 'stopped')
    await log.flush(LAST_LINES)
  }
  return { reload, stop }
}

function keysMissing(keys: IssuerKeys): string | undefined {
  const { source, lastError } = keys.status()
  if (source !== undefined) return undefined
  return `the keys of the issuer are not known: ${lastError ?? 'they are being fetched'}`
}
