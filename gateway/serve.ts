import type { Writable } from 'node:stream'
import { openCallers } from './callers.ts'
import { adminServer, viewOf } from './edge/admin.ts'
import { listen } from './edge/drain.ts'
import { lineWriter } from './edge/lines.ts'
import { createLog } from './edge/log.ts'
import { createMetrics } from './edge/metrics.ts'
import { followPolicy } from './edge/policy-file.ts'
import { createRefusals } from './edge/refusals.ts'
import { loadTracing } from './edge/trace.ts'
import type { Policy } from './policy/policy.ts'
import type { Snapshot } from './policy/snapshot.ts'
import type { Environment } from './policy/source.ts'

/** A gateway in service. */
export interface Gateway {
  /** Reads the policy again (one with a fault leaves the old one in force) and fetches the keys anew. */
  readonly reload: () => void
  /** Stops accepting, lets requests in flight finish, for `limits.drain` at most. */
  readonly stop: () => Promise<void>
}

export interface ServeOptions {
  readonly policy: Policy
  /** The texts that it was made of: for workers to load, and to see whether they have changed. */
  readonly snapshot: Snapshot
  readonly env: Environment
  readonly version: string
  /** Where log lines go. */
  readonly stdout: Writable
}

/** Milliseconds that the reader of the log has for the last lines. */
export const LAST_LINES = 500

/** Puts a policy into service. Rejects where an address cannot be listened on. */
export async function serve(options: ServeOptions): Promise<Gateway> {
  const { policy, snapshot, env, version, stdout } = options
  const metrics = createMetrics()
  const lines = lineWriter(stdout, dropped => metrics.logLinesDropped.inc(dropped))
  const log = createLog(lines, policy.log)
  const refusals = createRefusals()
  metrics.buildInfo.set({ version }, 1)
  const startTracing = await loadTracing(env)
  const tracing = startTracing?.({ env, version, log, metrics })
  const callers = openCallers({ policy, version, metrics, log, onRefused: refusals.note, tracing })
  const { putInForce } = callers
  const files = followPolicy(policy, snapshot, { env, log, metrics, putInForce })
  const view = viewOf(callers.state, { reloadFailure: files.failure, refusals })
  const admin = adminServer(view, policy.admin)
  try {
    const { address, port } = await callers.listen()
    const own = policy.admin === 'off' ? undefined : await listen(admin, policy.admin)
    log.always({ listener: 'gateway', address, port }, 'listening')
    if (own) log.always({ listener: 'admin', address: own.address, port: own.port }, 'listening')
  } catch (error) {
    files.close()
    await callers.close()
    throw error
  }

  const reload = () => {
    files.reload()
    void callers.keys().refresh()
  }
  const stop = async () => {
    log.info({}, 'draining')
    await callers.stop()
    files.close()
    admin.closeAllConnections()
    admin.close()
    log.info({}, 'stopped')
    await log.flush(LAST_LINES)
  }
  return { reload, stop }
}
