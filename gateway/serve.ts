import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { adminServer } from './edge/admin.ts'
import type { Service } from './edge/conversation.ts'
import { type IssuerKeys, openKeys } from './edge/keys.ts'
import { createLog, type Log } from './edge/log.ts'
import { createMetrics } from './edge/metrics.ts'
import { recorder } from './edge/record.ts'
import { createEdgeServer } from './edge/server.ts'
import { watchFiles } from './edge/watch.ts'
import { loadPolicy, type Parsed } from './policy/parse.ts'
import type { Policy } from './policy/policy.ts'
import type { Address } from './policy/scalars.ts'
import type { Environment } from './policy/source.ts'
import { timerLimit } from './timer.ts'
import { verify } from './token/verify.ts'
import { createPools } from './upstream/pool.ts'

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

/** Puts a policy into service. Rejects where an address cannot be listened on. */
export async function serve({ policy, env, version, stdout }: ServeOptions): Promise<Gateway> {
  const metrics = createMetrics()
  const log = createLog(stdout, policy.log.level, () => metrics.logLinesDropped.inc())
  const pools = createPools()
  let loadedAt = Date.now()
  let draining = false
  let keys = openKeys(policy, log, metrics)
  let service = serviceOf(policy, keys)
  const current = () => service

  const record = recorder(log, metrics, () => service.policy.log.userid)
  const { server, upgraded } = createEdgeServer(
    { current, draining: () => draining, pools, log, metrics, record },
    policy.limits,
  )
  const admin = adminServer({
    version,
    policy: () => service.policy,
    loadedAt: () => loadedAt,
    keys: () => keys.status(),
    redisUp: () => keys.redisUp(),
    notReady: () => (draining ? 'the gateway is shutting down' : keysMissing(keys)),
    metrics,
  }) as Server
  await listen(server, policy.listen)
  try {
    if (policy.admin !== 'off') await listen(admin, policy.admin)
  } catch (error) {
    server.close()
    throw error
  }
  logListening(log, 'gateway', server)
  if (policy.admin !== 'off') logListening(log, 'admin', admin)

  const reload = () => {
    const parsed = loadOrFault(policy.file, env)
    metrics.policyReloads.inc({ result: parsed.ok ? 'success' : 'failure' })
    if (!parsed.ok) {
      log.error({ file: policy.file, faults: parsed.faults }, 'policy reload failed')
      watch(parsed.included)
      return
    }
    const next = parsed.policy
    const previous = { policy: service.policy, keys }
    keys = sameKeys(previous.policy, next) ? keys : openKeys(next, log, metrics)
    service = serviceOf(next, keys)
    loadedAt = Date.now()
    if (keys !== previous.keys) void previous.keys.close()
    pools.keepOnly(next.dataSources.map(({ upstream }) => upstream))
    log.setLevel(next.log.level)
    applyLimits(server, next.limits)
    log.info({ file: policy.file, hash: next.hash, warnings: parsed.warnings }, 'policy reloaded')
    if (restartNeeded(previous.policy, next)) {
      log.warn({}, 'listen, admin or workers changed: they take effect at the next start')
    }
    watch(next.included)
  }

  let unwatch = () => {}
  const watch = (included: readonly string[]) => {
    unwatch()
    unwatch = watchFiles([policy.file, ...new Set(included)], reload)
  }
  watch(policy.included)

  const stop = async () => {
    draining = true
    unwatch()
    log.info({}, 'draining')
    await drain(server, upgraded, service.policy.limits.drain)
    admin.closeAllConnections()
    admin.close()
    await keys.close()
    await pools.close()
    log.info({}, 'stopped')
    await log.flush(LAST_LINES)
  }
  const reloadAll = () => {
    reload()
    void keys.refresh()
  }
  return { reload: reloadAll, stop }
}

/** A policy file can never end a gateway that runs, whatever is in it. */
function loadOrFault(file: string, env: Environment): Parsed {
  try {
    return loadPolicy(file, env)
  } catch (error) {
    return { ok: false, faults: [`${file}: ${String(error)}`], included: [] }
  }
}

const serviceOf = (policy: Policy, keys: IssuerKeys): Service => ({
  policy,
  verifyToken: (token, expected) => verify(token, expected, keys.find, Date.now() / 1000),
})

const sameKeys = (a: Policy, b: Policy) =>
  JSON.stringify([a.issuer, a.keys, a.redis]) === JSON.stringify([b.issuer, b.keys, b.redis])

const restartNeeded = (a: Policy, b: Policy) =>
  JSON.stringify([a.listen, a.admin, a.workers]) !== JSON.stringify([b.listen, b.admin, b.workers])

function keysMissing(keys: IssuerKeys): string | undefined {
  const { source, lastError } = keys.status()
  if (source !== undefined) return undefined
  return `the keys of the issuer are not known: ${lastError ?? 'they are being fetched'}`
}

function applyLimits(server: Server, limits: Policy['limits']): void {
  server.headersTimeout = timerLimit(limits.headerTimeout)
  server.keepAliveTimeout = timerLimit(limits.keepAlive)
  server.maxConnections = limits.connections
}

function listen(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function logListening(log: Log, listener: string, server: Server): void {
  const { address, port } = server.address() as AddressInfo
  log.always({ listener, address, port }, 'listening')
}

/** Milliseconds that the reader of the log has for the last lines. */
const LAST_LINES = 500

/** Milliseconds between two looks for connections that have become idle. */
const DRAIN_INTERVAL = 50

async function drain(server: Server, upgraded: ReadonlySet<Socket>, limit: number): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  const idle = setInterval(() => server.closeIdleConnections(), DRAIN_INTERVAL)
  const deadline = setTimeout(() => {
    server.closeAllConnections()
    for (const socket of upgraded) socket.destroy()
  }, timerLimit(limit))
  await closed
  clearInterval(idle)
  clearTimeout(deadline)
}
