import { loadPolicy, type Parsed } from '../policy/parse.ts'
import type { Policy } from '../policy/policy.ts'
import { recordingReader, type Snapshot } from '../policy/snapshot.ts'
import { type Environment, type ReadFile, readFromDisk } from '../policy/source.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { watchFiles } from './watch.ts'

/** The policy file of a gateway that runs. */
export interface FollowedFile {
  /** Reads the policy again; one with a fault leaves the old one in force. */
  readonly reload: () => void
  readonly close: () => void
  /** The last try, where it failed. */
  readonly failure: () => ReloadFailure | undefined
}

export interface ReloadFailure {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly faults: readonly string[]
}

export interface FollowTools {
  readonly env: Environment
  readonly log: Log
  readonly metrics: PolicyMetrics
  /** Puts a good policy into force; the reload is logged when that is done. */
  readonly putInForce: (policy: Policy, snapshot: Snapshot) => void | Promise<void>
}

type PolicyMetrics = Pick<
  Metrics,
  'policyReloads' | 'policyInfo' | 'policyLoadedAt' | 'policyReloadGood'
>

/**
 * Follows the file that a policy came from, and all that it includes: reads them when they change.
 *
 * @param asRead the texts that the policy was made of
 */
export function followPolicy(
  first: Policy,
  asRead: Snapshot,
  { env, log, metrics, putInForce }: FollowTools,
): FollowedFile {
  const { file } = first
  let latest = first
  let unwatch = () => {}
  let failure: ReloadFailure | undefined

  const watch = (included: readonly string[], seen: Snapshot) => {
    unwatch()
    unwatch = watchFiles([file, ...new Set(included)], path => isAsSeen(path, seen), reload)
  }

  function reload(): void {
    const { read, snapshot } = recordingReader()
    const parsed = loadOrFault(file, env, read)
    metrics.policyReloads.inc({ result: parsed.ok ? 'success' : 'failure' })
    metrics.policyReloadGood.set(parsed.ok ? 1 : 0)
    failure = parsed.ok ? undefined : { at: Date.now(), faults: parsed.faults }
    if (parsed.ok) void take(parsed.policy, parsed.warnings, snapshot(file))
    else log.error({ file, faults: parsed.faults }, 'policy reload failed')
    watch(parsed.ok ? parsed.policy.included : parsed.included, snapshot(file))
  }

  async function take(next: Policy, warnings: readonly string[], snapshot: Snapshot) {
    const before = latest
    latest = next
    await putInForce(next, snapshot)
    tellPolicy(metrics, next)
    log.info({ file, hash: next.hash, warnings }, 'policy reloaded')
    if (restartNeeded(before, next)) {
      log.warn({}, 'listen, admin, workers or tls changed: they take effect at the next start')
    }
  }

  watch(first.included, asRead)
  metrics.policyReloadGood.set(1)
  // From the start on: a first failure is a rise as well.
  for (const result of ['success', 'failure']) metrics.policyReloads.inc({ result }, 0)
  tellPolicy(metrics, first)
  return { reload, close: () => unwatch(), failure: () => failure }
}

function tellPolicy({ policyInfo, policyLoadedAt }: PolicyMetrics, { hash }: Policy): void {
  // Of the current one alone: series of others would never end.
  policyInfo.reset()
  policyInfo.set({ hash }, 1)
  policyLoadedAt.setToCurrentTime()
}

/** A file that could not be read is as it was while it cannot be read. */
function isAsSeen(path: string, { texts }: Snapshot): boolean {
  const before = Object.hasOwn(texts, path) ? texts[path] : undefined
  try {
    return readFromDisk(path) === before
  } catch {
    return before === undefined
  }
}

/** A policy file can never end a gateway that runs, whatever is in it. */
function loadOrFault(file: string, env: Environment, read: ReadFile): Parsed {
  try {
    return loadPolicy(file, env, read)
  } catch (error) {
    return { ok: false, faults: [`${file}: ${String(error)}`], included: [] }
  }
}

/** A changed certificate is shown at once; TLS itself is not switched on or off under callers. */
const restartNeeded = (a: Policy, b: Policy) => atStart(a) !== atStart(b)

const atStart = ({ listen, admin, workers, tls }: Policy) =>
  JSON.stringify([listen, admin, workers, tls !== undefined])
