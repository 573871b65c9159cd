import type { KeyObject } from 'node:crypto'
import { type Denial, deny } from '../policy/denial.ts'
import { chooseKey, hasKid, type KeySet, readKeySet } from './keyset.ts'

/** Fetches the key set document from the issuer; throws where it cannot. */
export type FetchKeySet = () => Promise<unknown>

/** Time, so that an hour can pass in a test without anyone waiting for it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Runs something once, later; returns how to cancel it. Does not keep the process alive. */
  readonly after: (ms: number, run: () => void) => () => void
}

/** Milliseconds. */
export interface KeyTimes {
  readonly refresh: number
  readonly staleFor: number
  readonly unknownKidCooldown: number
}

export interface KeyStatus {
  readonly source: 'issuer' | 'stale' | undefined
  /** Milliseconds since the key set was fetched. */
  readonly age: number | undefined
  readonly kids: readonly string[]
  readonly unusable: KeySet['unusable']
  /** Milliseconds since the epoch. */
  readonly nextRefresh: number | undefined
  readonly lastError: string | undefined
}

export interface Keys {
  readonly find: (
    kid: string | undefined,
    alg: string,
  ) => KeyObject | Denial | Promise<KeyObject | Denial>
  /** Fetches now, or joins the fetch that is under way. Never rejects. */
  readonly refresh: () => Promise<void>
  readonly status: () => KeyStatus
  readonly stop: () => void
}

/** Told of each attempt: for the log and a counter. */
export type OnFetch = (outcome: {
  readonly error: string | undefined
  readonly keySet?: KeySet
}) => void

/** How long requests wait together for a first key set, or for one with a new key. */
const MAX_WAIT = 3_000
const FIRST_RETRY = 1_000
const MAX_RETRY = 60_000

interface Known {
  readonly keySet: KeySet
  readonly fetchedAt: number
}

/**
 * The issuer's keys, fresh in memory: no request waits for a background refresh, stale keys serve for
 * `staleFor` while the issuer is away, and unknown key ids cause one fetch per cooldown at most.
 */
export function createKeys(
  fetchKeySet: FetchKeySet,
  times: KeyTimes,
  clock: Clock,
  onFetch: OnFetch = () => {},
): Keys {
  let known: Known | undefined
  let lastError: string | undefined
  let lastAttempt = Number.NEGATIVE_INFINITY
  let failures = 0
  let pending: Promise<void> | undefined
  let nextRefresh: number | undefined
  let cancel = () => {}
  let stopped = false

  const refresh = (): Promise<void> => {
    pending ??= attempt().finally(() => {
      pending = undefined
      if (!stopped) schedule()
    })
    return pending
  }

  async function attempt(): Promise<void> {
    cancel()
    lastAttempt = clock.now()
    try {
      const read = readKeySet(await fetchKeySet())
      if ('problem' in read) throw new Error(read.problem)
      known = { keySet: read, fetchedAt: clock.now() }
      lastError = undefined
      failures = 0
    } catch (error) {
      lastError = error instanceof Error ? error.message : String(error)
      failures++
    }
    onFetch({ error: lastError, ...(known && { keySet: known.keySet }) })
  }

  function schedule(): void {
    // Up to a tenth earlier, so that many gateways do not ask at the same moment.
    const wait =
      failures === 0
        ? times.refresh * (0.9 + Math.random() / 10)
        : Math.min(FIRST_RETRY * 2 ** (failures - 1), MAX_RETRY)
    nextRefresh = clock.now() + wait
    cancel = clock.after(wait, refresh)
  }

  const current = (): KeySet | undefined =>
    known && clock.now() - known.fetchedAt <= times.staleFor ? known.keySet : undefined

  const find: Keys['find'] = (kid, alg) => {
    const keySet = current()
    const key = keySet && chooseKey(keySet, kid, alg)
    if (key) return key
    const isNew = keySet && kid !== undefined && !hasKid(keySet, kid)
    if (isNew && clock.now() - lastAttempt >= times.unknownKidCooldown) void refresh()
    return pending ? waitAndChoose(pending, kid, alg) : choose(kid, alg)
  }

  async function waitAndChoose(fetched: Promise<void>, kid: string | undefined, alg: string) {
    let cancelWait = () => {}
    const tooLong = new Promise<void>(resolve => {
      cancelWait = clock.after(MAX_WAIT, resolve)
    })
    await Promise.race([fetched, tooLong])
    cancelWait()
    return choose(kid, alg)
  }

  function choose(kid: string | undefined, alg: string): KeyObject | Denial {
    const keySet = current()
    const key = keySet && chooseKey(keySet, kid, alg)
    if (key) return key
    // While the last attempt has failed nobody can tell whether the issuer has such a key.
    if (keySet && lastError === undefined) {
      return deny('token_key_unknown', 'The issuer publishes no key that fits the token')
    }
    const retryAfter = Math.max(1, Math.ceil(((nextRefresh ?? 0) - clock.now()) / 1000))
    const detail = 'The keys of the issuer cannot be fetched at the moment; try again'
    return deny('keys_unavailable', detail, { retryAfter })
  }

  const status = (): KeyStatus => ({
    source: current() && (lastError === undefined ? 'issuer' : 'stale'),
    age: known && clock.now() - known.fetchedAt,
    kids: current()?.usable.map(({ kid }) => kid ?? '') ?? [],
    unusable: current()?.unusable ?? [],
    nextRefresh,
    lastError,
  })

  const stop = () => {
    stopped = true
    cancel()
  }

  return { find, refresh, status, stop }
}
