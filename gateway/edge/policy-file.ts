import { loadPolicy, type Parsed } from '../policy/parse.ts'
import type { Policy } from '../policy/policy.ts'
import type { Environment } from '../policy/source.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { watchFiles } from './watch.ts'

/** The policy file of a gateway that runs. */
export interface FollowedFile {
  /** Reads the policy again; one with a fault leaves the old one in force. */
  readonly reload: () => void
  readonly close: () => void
}

export interface FollowTools {
  readonly env: Environment
  readonly log: Log
  readonly metrics: Pick<Metrics, 'policyReloads'>
  /** Puts a good policy into force; what is done then is logged. */
  readonly putInForce: (policy: Policy) => void
}

/** Follows the file that a policy came from, and all that it includes: reads them when they change. */
export function followPolicy(
  first: Policy,
  { env, log, metrics, putInForce }: FollowTools,
): FollowedFile {
  const { file } = first
  let latest = first
  let unwatch = () => {}

  const watch = (included: readonly string[]) => {
    unwatch()
    unwatch = watchFiles([file, ...new Set(included)], reload)
  }

  function reload(): void {
    const parsed = loadOrFault(file, env)
    metrics.policyReloads.inc({ result: parsed.ok ? 'success' : 'failure' })
    if (parsed.ok) take(parsed.policy, parsed.warnings)
    else log.error({ file, faults: parsed.faults }, 'policy reload failed')
    watch(parsed.ok ? parsed.policy.included : parsed.included)
  }

  function take(next: Policy, warnings: readonly string[]): void {
    const before = latest
    latest = next
    putInForce(next)
    log.info({ file, hash: next.hash, warnings }, 'policy reloaded')
    if (restartNeeded(before, next)) {
      log.warn({}, 'listen, admin or workers changed: they take effect at the next start')
    }
  }

  watch(first.included)
  return { reload, close: () => unwatch() }
}

/** A policy file can never end a gateway that runs, whatever is in it. */
function loadOrFault(file: string, env: Environment): Parsed {
  try {
    return loadPolicy(file, env)
  } catch (error) {
    return { ok: false, faults: [`${file}: ${String(error)}`], included: [] }
  }
}

const restartNeeded = (a: Policy, b: Policy) =>
  JSON.stringify([a.listen, a.admin, a.workers]) !== JSON.stringify([b.listen, b.admin, b.workers])
