import type { KeyObject } from 'node:crypto'
import { type Denial, deny } from '../policy/denial.ts'
import { chooseKey, hasKid, type KeySet } from './keyset.ts'
import type { Clock, Obtained } from './obtain.ts'
import type { DistrustList } from './store.ts'
import type { KeyTimes } from './times.ts'

/** What a gateway knows of the issuer's keys, and what it answers from that. Holds state, does no I/O. */
export interface Known {
  readonly obtained: () => Obtained | undefined
  /** Whether the issuer itself has said what is known, and not only the store. */
  readonly confirmed: () => boolean
  /** Attempts to get a key set that have failed since the last one that did not. */
  readonly failures: () => number
  readonly lastError: () => string | undefined
  /** When the issuer was last asked, by this gateway or another; milliseconds since the epoch. */
  readonly lastAttempt: () => number
  readonly adopt: (obtained: Obtained) => void
  /** Notes an attempt that failed, or one that came to a set that the issuer was asked for then. */
  readonly attempted: (error: string | undefined, at: number) => void
  /** Takes an operator's list over, unless a newer one is known. */
  readonly distrust: (list: DistrustList) => void
  readonly distrusted: () => DistrustList
  /** The key set, unless it has become too old. */
  readonly current: () => KeySet | undefined
  readonly key: (kid: string | undefined, alg: string) => KeyObject | undefined
  /** Whether asking the issuer could not change the answer about a key id. */
  readonly settled: (kid: string | undefined) => boolean
  /** Why there is no key (contract 3.5); `nextRefresh` in milliseconds since the epoch. */
  readonly denial: (kid: string | undefined, nextRefresh: number) => Denial
}

export function createKnown(clock: Clock, { staleFor, refresh }: KeyTimes): Known {
  let obtained: Obtained | undefined
  let confirmed = false
  let distrusted: DistrustList = { kids: new Set(), at: Number.NEGATIVE_INFINITY }
  let lastError: string | undefined
  let lastAttempt = Number.NEGATIVE_INFINITY
  let failures = 0

  /** What came from the store is used at once, and confirmed soon; what is the same stays confirmed. */
  const adopt = (next: Obtained): void => {
    const same = JSON.stringify(obtained?.document) === JSON.stringify(next.document)
    confirmed = next.from === 'issuer' || (same && confirmed)
    const document = same ? obtained?.document : next.document
    obtained = { ...next, document, from: confirmed ? 'issuer' : next.from }
  }

  const attempted = (error: string | undefined, at: number): void => {
    lastError = error
    lastAttempt = at
    failures = error === undefined ? 0 : failures + 1
  }

  const current = (): KeySet | undefined =>
    obtained && clock.now() - obtained.fetchedAt <= longest() ? obtained.keySet : undefined

  /** `staleFor` is for an issuer that is away; one that answers is asked again in time. */
  const longest = () => (failures === 0 ? Math.max(staleFor, 2 * refresh) : staleFor)

  const key = (kid: string | undefined, alg: string): KeyObject | undefined => {
    const keySet = current()
    const found = keySet && chooseKey(keySet, kid, alg)
    return found && !distrusted.kids.has(found.kid ?? '') ? found.key : undefined
  }

  const settled = (kid: string | undefined): boolean => {
    const keySet = current()
    return keySet !== undefined && (kid === undefined || hasKid(keySet, kid))
  }

  const denial = (kid: string | undefined, nextRefresh: number): Denial => {
    const distrusts = kid !== undefined && distrusted.kids.has(kid)
    // While the last attempt has failed nobody can tell whether the issuer has such a key.
    if (current() && (lastError === undefined || distrusts)) {
      return deny('token_key_unknown', 'The issuer publishes no key that fits the token')
    }
    const retryAfter = Math.max(1, Math.ceil((nextRefresh - clock.now()) / 1000))
    const detail = 'The keys of the issuer cannot be fetched at the moment; try again'
    return deny('keys_unavailable', detail, { retryAfter })
  }

  return {
    obtained: () => obtained,
    confirmed: () => confirmed,
    failures: () => failures,
    lastError: () => lastError,
    lastAttempt: () => lastAttempt,
    adopt,
    attempted,
    distrust: list => {
      if (list.at >= distrusted.at) distrusted = list
    },
    distrusted: () => distrusted,
    current,
    key,
    settled,
    denial,
  }
}
