import { type KeySet, readKeySet } from './keyset.ts'
import type { KeySetStore, StoredKeySet } from './store.ts'

/** Fetches the key set document from the issuer; throws where it cannot. */
export type FetchKeySet = () => Promise<unknown>

/** Time, so that an hour can pass in a test without anyone waiting for it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Runs something once, later; returns how to cancel it. Does not keep the process alive. */
  readonly after: (ms: number, run: () => void) => () => void
}

/** A key set, and where it came from. */
export interface Obtained extends StoredKeySet {
  readonly keySet: KeySet
  readonly from: 'issuer' | 'redis'
  /** Whether it was fetched here and now, and not by another who stored it. */
  readonly fetched: boolean
}

/** How long one gateway waits for another's fetch, and how often it looks; milliseconds. */
const PATIENCE = 6_000
const LOOK_EVERY = 50

/** For how long after a failed fetch nobody else tries, at most; milliseconds. */
const LONGEST_HOLD = 5_000

/** By how much the clocks of two gateways may differ; milliseconds. */
const MAX_SKEW = 60_000

export interface Needs {
  /** A stored key set will do when the issuer was asked after this time. */
  readonly newerThan: number
  /** Milliseconds; an older key set is none. */
  readonly staleFor: number
  readonly unknownKidCooldown: number
  /** Milliseconds until the next attempt, should this one fail. */
  readonly retryIn: number
  /** Only the issuer's own word will do. */
  readonly confirm: boolean
}

/**
 * Gets a key set: another gateway's newer one from the store, else the issuer's, asked by one gateway
 * at a time. Throws where neither can be had.
 */
export async function obtain(
  fetchKeySet: FetchKeySet,
  store: KeySetStore | undefined,
  clock: Clock,
  needs: Needs,
): Promise<Obtained> {
  const patience = clock.now() + PATIENCE
  for (;;) {
    const stored = needs.confirm ? undefined : await readStored(store, clock, needs)
    if (stored) return stored
    if (!store) break
    if (await store.lease()) return fetchWithLease(fetchKeySet, store, clock, needs)
    if (clock.now() > patience) break
    await pause(clock, LOOK_EVERY)
  }
  return fetchOne(fetchKeySet, store, clock, needs)
}

/** Whoever had the lease before may have written just after the store was read. */
async function fetchWithLease(
  fetchKeySet: FetchKeySet,
  store: KeySetStore,
  clock: Clock,
  needs: Needs,
): Promise<Obtained> {
  const stored = needs.confirm ? undefined : await readStored(store, clock, needs)
  if (!stored) return fetchOne(fetchKeySet, store, clock, needs)
  await store.release(0)
  return stored
}

/** The stored key set, where it is newer than what is known and not too old. */
export async function readStored(
  store: KeySetStore | undefined,
  clock: Clock,
  { newerThan, staleFor }: Pick<Needs, 'newerThan' | 'staleFor'>,
): Promise<Obtained | undefined> {
  const stored = await store?.read()
  if (!stored || stored.fetchedAt > clock.now() + MAX_SKEW) return undefined
  const fetchedAt = Math.min(stored.fetchedAt, clock.now())
  if (fetchedAt <= newerThan || clock.now() - fetchedAt > staleFor) return undefined
  const keySet = readKeySet(stored.document)
  if (!store || 'problem' in keySet) return undefined
  return { document: stored.document, fetchedAt, keySet, from: store.vouches, fetched: false }
}

async function fetchOne(
  fetchKeySet: FetchKeySet,
  store: KeySetStore | undefined,
  clock: Clock,
  { unknownKidCooldown, retryIn }: Needs,
): Promise<Obtained> {
  const fetchedAt = clock.now()
  try {
    const document = await fetchKeySet()
    const keySet = readKeySet(document)
    if ('problem' in keySet) throw new Error(keySet.problem)
    await store?.write({ fetchedAt, document }, unknownKidCooldown)
    await store?.release(0)
    return { document, fetchedAt, keySet, from: 'issuer', fetched: true }
  } catch (error) {
    await store?.release(Math.min(retryIn, LONGEST_HOLD))
    throw error
  }
}

const pause = (clock: Clock, ms: number) =>
  new Promise<void>(resolve => {
    clock.after(ms, resolve)
  })
