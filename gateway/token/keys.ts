import type { KeyObject } from 'node:crypto'
import type { Denial } from '../policy/denial.ts'
import type { KeySet } from './keyset.ts'
import { createKnown, type Known } from './known.ts'
import type { Obtained } from './obtain.ts'
import { createRefresher, type KeySources } from './refresh.ts'
import type { DistrustList } from './store.ts'
import type { KeyTimes } from './times.ts'
import type { FindKey } from './verify.ts'

export interface KeyStatus {
  readonly source: 'issuer' | 'redis' | 'stale' | undefined
  /** Milliseconds since the issuer was asked. */
  readonly age: number | undefined
  readonly kids: readonly string[]
  readonly unusable: KeySet['unusable']
  readonly distrusted: readonly string[]
  /** Milliseconds since the epoch. */
  readonly nextRefresh: number | undefined
  readonly lastError: string | undefined
}

export interface Keys {
  readonly find: FindKey
  /** The key for a token as it is known now; nothing is fetched. */
  readonly current: (kid: string | undefined, alg: string) => KeyObject | undefined
  /** Refreshes now, or joins the refresh that is under way. Never rejects. */
  readonly refresh: () => Promise<void>
  readonly status: () => KeyStatus
  /** What another `Keys` may begin with. */
  readonly inheritance: () => Inherited
  readonly stop: () => void
}

/** What is known of an issuer's keys already. */
export interface Inherited {
  readonly obtained: Obtained | undefined
  readonly distrusted: DistrustList
}

/** How long requests wait together for a first key set, or for one with a new key; milliseconds. */
const MAX_WAIT = 3_000

/** For how long, and for how many, a key id that nobody knows is not looked for again. */
const FORGET_AFTER = 5_000
const MAX_UNKNOWN = 1_000

/**
 * The issuer's keys, fresh in memory: stale ones serve for `staleFor` while the issuer is away, and
 * unknown key ids cause one fetch per cooldown at most, among all gateways that share a store.
 */
export function createKeys(sources: KeySources, times: KeyTimes, inherited?: Inherited): Keys {
  const { store, clock, events } = sources
  const known = createKnown(clock, times)
  if (inherited) known.distrust(inherited.distrusted)
  if (inherited?.obtained) known.adopt(inherited.obtained)
  const refresher = createRefresher(known, sources, times)
  /** Key ids that were looked for in vain, and until when they are not looked for again. */
  const unknown = new Map<string, number>()
  let looking: Promise<void> | undefined

  const choose = (kid: string | undefined, alg: string): KeyObject | Denial =>
    known.key(kid, alg) ?? known.denial(kid, refresher.nextRefresh() ?? clock.now())

  const find: FindKey = (kid, alg) => {
    const key = known.key(kid, alg)
    if (key) return key
    const pending = refresher.pending()
    if (!known.current()) return pending ? waitFor(pending, kid, alg) : choose(kid, alg)
    if (known.settled(kid) || kid === undefined) return choose(kid, alg)
    if ((unknown.get(kid) ?? 0) > clock.now()) return choose(kid, alg)
    return findNew(kid, alg)
  }

  async function findNew(kid: string, alg: string): Promise<KeyObject | Denial> {
    events?.onUnknownKid()
    looking ??= lookForNewKeys().finally(() => {
      looking = undefined
    })
    const found = await waitFor(looking, kid, alg)
    if ('denied' in found) {
      if (unknown.size >= MAX_UNKNOWN) unknown.clear()
      unknown.set(kid, clock.now() + Math.min(FORGET_AFTER, times.unknownKidCooldown))
    }
    return found
  }

  /** A key that nobody here knows: another gateway may have it already; the issuer is asked rarely. */
  async function lookForNewKeys(): Promise<void> {
    if (refresher.pending()) return refresher.pending()
    const before = known.obtained()?.document
    await refresher.adoptStored()
    if (known.obtained()?.document !== before) return
    const since = clock.now() - known.lastAttempt()
    // Below zero: the clock was set back.
    if (since >= 0 && since < times.unknownKidCooldown) return
    if (store && !(await store.claimCooldown(times.unknownKidCooldown))) return joinOther(before)
    await refresher.refresh()
  }

  /** Another gateway may be fetching right now: waits for what it brings. */
  async function joinOther(before: unknown): Promise<void> {
    const until = clock.now() + MAX_WAIT
    for (let free = false; !free && clock.now() < until; ) {
      await new Promise<void>(resolve => void clock.after(100, resolve))
      free = (await store?.lease()) ?? true
      if (free) await store?.release(0)
      await refresher.adoptStored()
      if (known.obtained()?.document !== before) return
    }
  }

  async function waitFor(event: Promise<void>, kid: string | undefined, alg: string) {
    let cancelWait = () => {}
    const tooLong = new Promise<void>(resolve => {
      cancelWait = clock.after(MAX_WAIT, resolve)
    })
    await Promise.race([event, tooLong])
    cancelWait()
    return choose(kid, alg)
  }

  const status = () => statusOf(known, refresher.nextRefresh(), clock.now())
  return {
    find,
    current: known.key,
    refresh: refresher.refresh,
    status,
    inheritance: () => ({ obtained: known.obtained(), distrusted: known.distrusted() }),
    stop: refresher.stop,
  }
}

function statusOf(known: Known, nextRefresh: number | undefined, now: number): KeyStatus {
  const obtained = known.obtained()
  const current = known.current()
  return {
    source: current && (known.lastError() === undefined ? obtained?.from : 'stale'),
    age: obtained && now - obtained.fetchedAt,
    kids: current?.usable.map(({ kid }) => kid ?? '') ?? [],
    unusable: current?.unusable ?? [],
    distrusted: [...known.distrusted().kids],
    nextRefresh,
    lastError: known.lastError(),
  }
}
