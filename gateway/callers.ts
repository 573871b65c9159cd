import type { AddressInfo } from 'node:net'
import { drain, listen } from './edge/drain.ts'
import type { IssuerKeys, KeysTools } from './edge/keys.ts'
import { goLive } from './edge/live.ts'
import type { Log } from './edge/log.ts'
import type { Metrics } from './edge/metrics.ts'
import { recorder } from './edge/record.ts'
import type { Refusal } from './edge/refusals.ts'
import { createEdgeServer } from './edge/server.ts'
import type { AdminState } from './edge/status.ts'
import type { Tracing } from './edge/trace.ts'
import { prepareToServe } from './engine.ts'
import type { Policy } from './policy/policy.ts'
import type { Address } from './policy/scalars.ts'
import { createUpstreams } from './upstream/upstreams.ts'

/** Everything that serves callers, in one process. */
export interface Callers {
  /** Rejects where the address (by default that of the policy) cannot be listened on. */
  readonly listen: (address?: Address) => Promise<AddressInfo>
  /** Puts another policy into the place of the one in force, in one step. */
  readonly putInForce: (policy: Policy) => void
  readonly keys: () => IssuerKeys
  readonly state: AdminState
  /** Stops accepting, lets requests in flight finish, for `limits.drain` at most. */
  readonly stop: () => Promise<void>
  /** Ends what runs in the background, where nothing was ever accepted. */
  readonly close: () => Promise<void>
}

export interface CallersOptions {
  readonly policy: Policy
  readonly version: string
  readonly metrics: Metrics
  readonly log: Log
  /** Told of each request that was refused. */
  readonly onRefused: (refusal: Refusal) => void
  /** For what happens to keys, Redis and upstreams, where that is not the same in all processes. */
  readonly ownLog?: Log
  readonly openShared?: KeysTools['openShared']
  /** Where traces are asked for. */
  readonly tracing?: Tracing | undefined
}

/** Puts a policy into force and begins to fetch keys; nobody is served before `listen`. */
export function openCallers(options: CallersOptions): Callers {
  const {
    policy: first,
    version,
    metrics,
    log,
    onRefused,
    ownLog = log,
    openShared,
    tracing,
  } = options
  const upstreams = createUpstreams({
    onAvoided: (origin, cause) => ownLog.warn({ origin, cause }, 'upstream origin is down'),
    onBack: origin => ownLog.info({ origin }, 'upstream origin is back'),
  })
  const live = goLive(first, { log: ownLog, metrics, ...(openShared && { openShared }) })
  const current = live.service
  let draining = false

  const record = recorder(log, metrics, () => current().policy.log, onRefused)
  const tools = { current, draining: () => draining, upstreams, log, metrics, record, tracing }
  const edge = createEdgeServer(tools, first)
  const { server } = edge
  // A worker that is full lets one connection too many go, as a single process does: node:cluster would
  // pass it around among workers that are full for as long as they are.
  Object.assign(server, { dropMaxConnection: true })
  const state: AdminState = {
    version,
    policy: () => current().policy,
    loadedAt: live.loadedAt,
    keys: () => live.keys().status(),
    redisUp: () => live.keys().redisUp(),
    upstream: upstreams.status,
    notReady: () => (draining ? 'the gateway is shutting down' : keysMissing(live.keys())),
    metrics,
    findKey: (kid, alg) => live.keys().find(kid, alg),
    rememberedTokens: live.rememberedTokens,
    takeTraffic: edge.takeTraffic,
  }

  function adjust(policy: Policy): void {
    upstreams.use(policy.dataSources.map(({ upstream }) => upstream))
    edge.adopt(policy)
  }
  adjust(first)

  const putInForce = (next: Policy) => {
    live.putInForce(next)
    log.adopt(next.log)
    adjust(next)
  }
  const close = async () => {
    server.close()
    await live.close()
    await upstreams.close()
  }
  const stop = async () => {
    draining = true
    const begun = performance.now()
    const limit = current().policy.limits.drain
    await drain(edge, limit)
    await tracing?.close(Math.max(0, limit - (performance.now() - begun)))
    await close()
  }
  const listenForCallers = async (address = first.listen) => {
    const listening = await listen(server, address)
    prepareToServe()
    return listening
  }
  return { listen: listenForCallers, putInForce, keys: live.keys, state, stop, close }
}

/** A reason that says nothing but that it will pass. */
export const KEYS_ON_THEIR_WAY = 'the keys of the issuer are not known: they are being fetched'

function keysMissing(keys: IssuerKeys): string | undefined {
  const { source, lastError } = keys.status()
  if (source !== undefined) return undefined
  if (lastError === undefined) return KEYS_ON_THEIR_WAY
  return `the keys of the issuer are not known: ${lastError}`
}
