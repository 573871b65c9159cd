import { timer } from '../../timer.ts'
import type { Counts } from '../counts.ts'
import type { GatewayStatus } from '../status.ts'
import { createHistory, type Point, STEP } from './history.ts'
import type { PageSource } from './source.ts'

/** Everything that the page shows, as it is at one time. */
export interface Look extends Pick<PageSource, 'policy' | 'reloadFailure' | 'refusals'> {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly notReady: string | undefined
  readonly status: GatewayStatus
  readonly counts: Counts
  readonly points: readonly Point[]
  /** Refusals by code, in the last quarter of an hour. */
  readonly recentCodes: Readonly<Record<string, number>>
}

/** Looks at the gateway every few seconds, for the charts, and for everybody who watches. */
export interface Feed {
  readonly start: () => void
  readonly stop: () => void
  /** Looks now. */
  readonly look: () => Promise<Look>
  /** Hears of each look from now on, until the function that is returned is called. */
  readonly follow: (hear: (look: Look) => void) => () => void
}

/** Milliseconds between two looks, while somebody watches. Else the charts need one for each step. */
const EVERY = 3_000

export function createFeed(source: PageSource, now: () => number = Date.now): Feed {
  const history = createHistory()
  const followers = new Set<(look: Look) => void>()
  let running = false

  const count = async () => {
    const counts = await source.counts()
    history.note(now(), counts)
    return counts
  }
  const look = async (): Promise<Look> => {
    const [counts, status, notReady] = await Promise.all([
      count(),
      source.status(),
      source.notReady(),
    ])
    const { policy, reloadFailure, refusals } = source
    return {
      at: now(),
      notReady,
      status,
      counts,
      points: history.points(),
      recentCodes: history.codes(),
      policy,
      reloadFailure,
      refusals,
    }
  }
  const tick = async () => {
    // A page that cannot be made must not end a gateway.
    await (followers.size === 0 ? count() : tell()).catch(() => {})
    if (running) next.start(followers.size === 0 ? STEP : EVERY)
  }
  const tell = async () => {
    const seen = await look()
    for (const hear of followers) hear(seen)
  }
  const next = timer(() => void tick())

  return {
    start: () => {
      running = true
      void tick()
    },
    stop: () => {
      running = false
      next.stop()
    },
    look,
    follow: hear => {
      if (running && followers.size === 0) next.start(EVERY)
      followers.add(hear)
      return () => void followers.delete(hear)
    },
  }
}
