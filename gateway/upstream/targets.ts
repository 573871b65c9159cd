import type { Origin, Upstream } from '../model.ts'
import {
  type Failure,
  isUsable,
  newOrigin,
  noteFailure,
  noteSuccess,
  type OriginState,
} from './origins.ts'
import { type Connections, openConnections } from './pool.ts'

/** One origin of an upstream, with its connections and what is known of it. */
export interface Target extends Connections {
  readonly origin: Origin
  readonly state: OriginState
  /** A request begins with it; each one that began has to end. */
  readonly begins: () => void
  readonly ended: () => void
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

export function openTarget(
  upstream: Upstream,
  origin: Origin,
  { onAvoided, onBack }: OriginEvents,
  now: () => number,
): Target {
  const state = newOrigin()
  /** A change of state is told once. */
  const change = (cause: string, apply: () => void) => {
    const before = isUsable(state)
    apply()
    const after = isUsable(state)
    if (before && !after) onAvoided(origin.origin, cause)
    if (!before && after) onBack(origin.origin)
  }
  return {
    ...openConnections(upstream, origin),
    origin,
    state,
    begins: () => {
      state.inFlight++
    },
    ended: () => {
      state.inFlight--
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
