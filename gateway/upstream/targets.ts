import type { Origin, Upstream } from '../model.ts'
import {
  type Failure,
  isUsable,
  newOrigin,
  noteFailure,
  noteSuccess,
  type OriginState,
} from './origins.ts'
import { type OriginPool, openPool, poolKey } from './pool.ts'

/** One origin of an upstream, with its connections and what is known of it. */
export interface Target extends OriginPool {
  readonly origin: Origin
  readonly state: OriginState
  /** To be called when a request begins with it; what it returns, when that has ended. */
  readonly begin: () => () => void
  /** A request was answered, whatever the answer was. */
  readonly succeeded: () => void
  readonly failed: (failure: Failure, cause: string) => void
  /** What an active check said. */
  readonly checked: (healthy: boolean, cause: string) => void
}

export interface OriginEvents {
  /** The origin is passed over while others can serve. */
  readonly onAvoided: (origin: string, cause: string) => void
  readonly onBack: (origin: string) => void
}

/** Opens the origins of upstreams; those of one key share connections, over reloads too. */
export function createTargets({ onAvoided, onBack }: OriginEvents, now: () => number) {
  const pools = new Map<string, OriginPool & { readonly state: OriginState }>()

  const open = (upstream: Upstream, origin: Origin): Target => {
    const key = poolKey(upstream, origin)
    const shared = pools.get(key) ?? {
      ...openPool(upstream, origin),
      state: newOrigin(),
    }
    pools.set(key, shared)
    const { state } = shared
    /** A change of state is told once. */
    const change = (cause: string, apply: () => void) => {
      const before = isUsable(state)
      apply()
      const after = isUsable(state)
      if (before && !after) onAvoided(origin.origin, cause)
      if (!before && after) onBack(origin.origin)
    }
    return {
      ...shared,
      origin,
      begin: () => {
        state.inFlight++
        return () => {
          state.inFlight--
        }
      },
      succeeded: () => change('', () => noteSuccess(state)),
      failed: (failure, cause) => change(cause, () => noteFailure(state, failure, now())),
      checked: (healthy, cause) =>
        change(cause, () => {
          state.healthy = healthy
          if (healthy) noteSuccess(state)
        }),
    }
  }

  /** Closes the connections that none of these upstreams uses, once their requests have ended. */
  const keepOnly = (upstreams: readonly Upstream[]): void => {
    const used = new Set(
      upstreams.flatMap(upstream => upstream.origins.map(origin => poolKey(upstream, origin))),
    )
    for (const [key, { pool }] of pools) {
      if (used.has(key)) continue
      pools.delete(key)
      void pool.close()
    }
  }

  const close = async () => {
    await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()))
  }

  return { open, keepOnly, close }
}
