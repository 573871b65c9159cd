import { createExchangeMemory } from '../feide/exchanger.ts'
import { loadPolicy, type Parsed } from '../policy/parse.ts'
import type { Policy } from '../policy/policy.ts'
import type { Environment } from '../policy/source.ts'
import type { Inherited } from '../token/keys.ts'
import { createVerifier } from '../token/verifier.ts'
import type { Service } from './conversation.ts'
import { createExchanges, type Exchanges } from './exchanges.ts'
import { type IssuerKeys, openKeys } from './keys.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { watchFiles } from './watch.ts'

/** The policy in force and its keys, exchanged as one by a reload. */
export interface Live {
  /** The service in force; a request keeps the one that it began with. */
  readonly service: () => Service
  readonly keys: () => IssuerKeys
  /** Milliseconds since the epoch. */
  readonly loadedAt: () => number
  /** Reads the policy again; one with a fault leaves the old one in force. */
  readonly reload: () => void
  readonly close: () => Promise<void>
}

export interface LiveTools {
  readonly env: Environment
  readonly log: Log
  readonly metrics: Metrics
  /** Called with the policy that has just come into force. */
  readonly onChange: (policy: Policy) => void
}

/** Puts a policy into force, and each good one that its file becomes. */
export function goLive(first: Policy, { env, log, metrics, onChange }: LiveTools): Live {
  const { file } = first
  let keys = openKeys(first, log, metrics)
  const memory = createExchangeMemory()
  const exchangesOf = (policy: Policy) => createExchanges({ policy, memory, log, metrics })
  let service = serviceOf(first, keys, exchangesOf(first))
  let loadedAt = Date.now()
  let unwatch = () => {}

  const watch = (included: readonly string[]) => {
    unwatch()
    unwatch = watchFiles([file, ...new Set(included)], reload)
  }

  function reload(): void {
    const parsed = loadOrFault(file, env)
    metrics.policyReloads.inc({ result: parsed.ok ? 'success' : 'failure' })
    if (parsed.ok) putInForce(parsed.policy, parsed.warnings)
    else log.error({ file, faults: parsed.faults }, 'policy reload failed')
    watch(parsed.ok ? parsed.policy.included : parsed.included)
  }

  function putInForce(next: Policy, warnings: readonly string[]): void {
    const { policy } = service
    const before = keys
    if (!sameKeys(policy, next))
      keys = openKeys(next, log, metrics, inherited(policy, next, before))
    service.exchanges.close()
    service = serviceOf(next, keys, exchangesOf(next))
    loadedAt = Date.now()
    if (keys !== before) void before.close()
    log.setLevel(next.log.level)
    onChange(next)
    log.info({ file, hash: next.hash, warnings }, 'policy reloaded')
    if (restartNeeded(policy, next)) {
      log.warn({}, 'listen, admin, workers or tls changed: they take effect at the next start')
    }
  }

  watch(first.included)
  const close = async () => {
    unwatch()
    service.exchanges.close()
    await keys.close()
  }
  return { service: () => service, keys: () => keys, loadedAt: () => loadedAt, reload, close }
}

/** A policy file can never end a gateway that runs, whatever is in it. */
function loadOrFault(file: string, env: Environment): Parsed {
  try {
    return loadPolicy(file, env)
  } catch (error) {
    return { ok: false, faults: [`${file}: ${String(error)}`], included: [] }
  }
}

const serviceOf = (policy: Policy, keys: IssuerKeys, exchanges: Exchanges): Service => ({
  policy,
  tokens: { ...createVerifier(policy, keys), exchangeOpaque: exchanges.jwtFor },
  exchanges,
})

const sameKeys = (a: Policy, b: Policy) =>
  JSON.stringify([a.issuer, a.keys, a.redis]) === JSON.stringify([b.issuer, b.keys, b.redis])

/**
 * What the keys of a new policy begin with. Of the same issuer, an operator's distrust always; the key
 * set where it would be fetched the same way, and did not come from a Redis that is now another.
 */
function inherited(a: Policy, b: Policy, keys: IssuerKeys): Inherited | undefined {
  if (a.issuer.url !== b.issuer.url) return undefined
  const { obtained, distrusted } = keys.inheritance()
  const same = (pick: (policy: Policy) => unknown) =>
    JSON.stringify(pick(a)) === JSON.stringify(pick(b))
  const sameWay = same(({ issuer }) => [issuer.jwksUri, issuer.allowHttp])
  const trusted = obtained?.from === 'issuer' || same(({ redis }) => redis)
  return { obtained: sameWay && trusted ? obtained : undefined, distrusted }
}

/** A changed certificate is shown at once; TLS itself is not switched on or off under callers. */
const restartNeeded = (a: Policy, b: Policy) => atStart(a) !== atStart(b)

const atStart = ({ listen, admin, workers, tls }: Policy) =>
  JSON.stringify([listen, admin, workers, tls !== undefined])
