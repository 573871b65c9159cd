import type { KeySet } from './keyset.ts'
import type { Known } from './known.ts'
import { type Clock, type FetchKeySet, obtain, readStored } from './obtain.ts'
import type { KeySetStore } from './store.ts'
import type { KeyTimes } from './times.ts'

export interface KeySources {
  readonly fetchKeySet: FetchKeySet
  /** Shared with other gateways; without one the key set lives in memory only. */
  readonly store?: KeySetStore | undefined
  readonly clock: Clock
  readonly events?: KeyEvents
}

/** What is told of the key set as it happens: for the log and the counters. */
export interface KeyEvents {
  /** After each attempt to get a key set. */
  readonly onAttempt: (outcome: {
    readonly error: string | undefined
    readonly from: 'issuer' | 'redis' | undefined
    /** Whether the issuer was asked; false where another had asked it already. */
    readonly fetched: boolean
    readonly keySet: KeySet | undefined
  }) => void
  readonly onUnknownKid: () => void
}

export interface Refresher {
  /** Refreshes now, or joins the refresh that is under way. Never rejects. */
  readonly refresh: () => Promise<void>
  readonly pending: () => Promise<void> | undefined
  /** Takes over what another gateway has stored, where it is newer. */
  readonly adoptStored: () => Promise<void>
  /** Milliseconds since the epoch. */
  readonly nextRefresh: () => number | undefined
  readonly stop: () => void
}

const FIRST_RETRY = 1_000
const MAX_RETRY = 60_000

/** A key set that came from the store is confirmed with the issuer in this time. */
const CONFIRM_WITHIN = 60_000

/** How often the store is looked at for what other gateways and operators have changed. */
const LOOK_EVERY = 500

/** How often a change is read: a command may fail in between. */
const READS = 4

/** Keeps a key set fresh in the background: no request waits for any of this. */
export function createRefresher(
  known: Known,
  { fetchKeySet, store, clock, events }: KeySources,
  times: KeyTimes,
): Refresher {
  let pending: Promise<void> | undefined
  let nextRefresh: number | undefined
  let confirmAt: number | undefined
  let cancelRefresh = () => {}
  let stopped = false

  const refresh = (confirm = false): Promise<void> => {
    pending ??= attempt(confirm).finally(() => {
      pending = undefined
      schedule()
    })
    return pending
  }

  async function attempt(confirm: boolean): Promise<void> {
    cancelRefresh()
    const retryIn = backoff(known.failures() + 1)
    const needs = { ...times, newerThan: newest(known), retryIn, confirm }
    try {
      await hearDistrust(store, known)
      const obtained = await obtain(fetchKeySet, store, clock, needs)
      known.adopt(obtained)
      known.attempted(undefined, obtained.fetchedAt)
      events?.onAttempt({ error: undefined, ...obtained })
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      known.attempted(message, clock.now())
      events?.onAttempt({ error: message, from: undefined, fetched: true, keySet: undefined })
    }
  }

  function schedule(): void {
    if (stopped) return
    cancelRefresh()
    const confirm = known.failures() === 0 && !known.confirmed()
    if (known.confirmed()) confirmAt = undefined
    else confirmAt ??= clock.now() + CONFIRM_WITHIN * (0.3 + 0.7 * Math.random())
    const wait = waitFor(known, times, clock.now(), confirmAt)
    nextRefresh = clock.now() + wait
    cancelRefresh = clock.after(wait, () => void refresh(confirm))
  }

  async function adoptStored(): Promise<void> {
    const needs = { newerThan: newest(known), staleFor: times.staleFor }
    const stored = await readStored(store, clock, needs)
    if (!stored || stopped) return
    known.adopt(stored)
    if (!pending) schedule()
  }

  const stopLooking = store ? watchStore(store, known, clock, adoptStored) : () => {}
  const stop = () => {
    stopped = true
    cancelRefresh()
    stopLooking()
  }
  return {
    refresh: () => refresh(),
    pending: () => pending,
    adoptStored,
    nextRefresh: () => nextRefresh,
    stop,
  }
}

const newest = (known: Known) => known.obtained()?.fetchedAt ?? Number.NEGATIVE_INFINITY

const backoff = (failures: number) => Math.min(FIRST_RETRY * 2 ** (failures - 1), MAX_RETRY)

/** Milliseconds to the next refresh; spread, so that many gateways do not ask at the same moment. */
function waitFor(
  known: Known,
  { refresh }: KeyTimes,
  now: number,
  confirmAt: number | undefined,
): number {
  if (known.failures() > 0) return backoff(known.failures())
  if (confirmAt !== undefined) return Math.max(0, confirmAt - now)
  const age = now - newest(known)
  return Math.max(0, refresh * (0.9 + Math.random() / 10) - age)
}

/** An operator's word comes before any key set: none is used without having asked for it. */
async function hearDistrust(store: KeySetStore | undefined, known: Known): Promise<void> {
  const list = await store?.distrusted()
  if (list) known.distrust(list)
}

/** Follows the store: other gateways' key sets and operators' words. Returns how to stop. */
function watchStore(
  store: KeySetStore,
  known: Known,
  clock: Clock,
  adoptStored: () => Promise<void>,
): () => void {
  let stamp: string | undefined
  let reads = 0
  let stopped = false
  let cancel = () => {}
  const look = async (): Promise<void> => {
    const seen = await store.stamp()
    if (seen !== undefined && seen !== stamp) {
      stamp = seen
      reads = READS
    }
    if (seen !== undefined && reads > 0) {
      reads -= 1
      await hearDistrust(store, known)
      await adoptStored()
    }
    if (!stopped) cancel = clock.after(LOOK_EVERY, () => void look())
  }
  void look()
  return () => {
    stopped = true
    cancel()
  }
}
