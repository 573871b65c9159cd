import type { Origin, Upstream } from '../model.ts'
import { type Admission, createAdmission, type Visitor } from './admission.ts'
import { watchHealth } from './health.ts'
import { chooseOrigin, isUsable } from './origins.ts'
import { type OriginEvents, openTarget, type Target } from './targets.ts'

export interface UpstreamStatus {
  /** Requests and WebSockets at once, and requests that wait. */
  readonly active: number
  readonly pending: number
  readonly origins: readonly OriginStatus[]
}

interface OriginStatus {
  readonly origin: string
  /** Whether requests go to it, where there are others. */
  readonly usable: boolean
  readonly inFlight: number
}

/** All upstreams, shared by the policies that use them one after the other. */
export interface Upstreams {
  /** Lets a request to an upstream in, at once or in its turn; see `Admission.enter`. */
  readonly enter: (upstream: Upstream, visitor: Visitor) => (() => void) | undefined
  /** The origin that a request goes to next; `undefined` when it has been to all. */
  readonly next: (upstream: Upstream, tried: readonly Origin[]) => Target | undefined
  /** Whether another origin can be used. */
  readonly hasOther: (upstream: Upstream, tried: readonly Origin[]) => boolean
  readonly status: (upstream: Upstream) => UpstreamStatus
  /** Opens these upstreams, and closes all others once their requests have ended. */
  readonly use: (upstreams: readonly Upstream[]) => void
  readonly close: () => void
}

/** An upstream in use. */
interface Entry {
  readonly admission: Admission
  readonly targets: readonly Target[]
  /** Stops to look after it, and closes its connections as their requests end. */
  readonly retire: () => void
  turn: number
}

export function createUpstreams(events: OriginEvents, now: () => number = Date.now): Upstreams {
  const entries = new Map<string, Entry>()
  // A request keeps the upstream that it began with, also when that is in use no longer.
  const known = new WeakMap<Upstream, Entry>()

  const open = (upstream: Upstream): Entry => {
    const targets = upstream.origins.map(origin => openTarget(upstream, origin, events, now))
    const stops = targets.map(target => watchHealth(upstream, target))
    const retire = () => {
      for (const stop of stops) stop()
      for (const target of targets) target.retire()
    }
    return { admission: createAdmission(upstream), targets, retire, turn: 0 }
  }

  const entryFor = (upstream: Upstream): Entry => {
    const found = known.get(upstream)
    if (found) return found
    const key = keyOf(upstream)
    const entry = entries.get(key) ?? open(upstream)
    entries.set(key, entry)
    known.set(upstream, entry)
    return entry
  }

  const next: Upstreams['next'] = (upstream, tried) => {
    const entry = entryFor(upstream)
    const left =
      tried.length === 0 ? entry.targets : entry.targets.filter(t => !tried.includes(t.origin))
    return chooseOrigin(left, entry.turn++, now())
  }

  const hasOther: Upstreams['hasOther'] = (upstream, tried) =>
    entryFor(upstream).targets.some(
      ({ origin, state }) => isUsable(state) && !tried.includes(origin),
    )

  const use: Upstreams['use'] = upstreams => {
    const used = new Set(upstreams.map(keyOf))
    for (const [key, { retire }] of entries) {
      if (used.has(key)) continue
      retire()
      entries.delete(key)
    }
    for (const upstream of upstreams) entryFor(upstream)
  }

  const close = () => {
    for (const { retire, targets } of entries.values()) {
      retire()
      for (const { destroy } of targets) destroy()
    }
  }

  return {
    enter: (upstream, visitor) => entryFor(upstream).admission.enter(visitor),
    next,
    hasOther,
    status: upstream => statusOf(entryFor(upstream)),
    use,
    close,
  }
}

/**
 * Data sources with the same upstream share its limits, its connections and what is known of its
 * origins; who asks with which credentials is no matter.
 */
const keyOf = ({ credentials: _, ...upstream }: Upstream): string => JSON.stringify(upstream)

const statusOf = ({ admission, targets }: Entry): UpstreamStatus => ({
  active: admission.active(),
  pending: admission.pending(),
  origins: targets.map(({ origin, state }) => ({
    origin: origin.origin,
    usable: isUsable(state),
    inFlight: state.inFlight,
  })),
})
