import type { StoredKeySet } from '../token/store.ts'
import type { StoreCall } from './messages.ts'

/** Key sets that workers share, kept in the primary process; each belongs to one issuer. */
export interface KeySpaces {
  /** Answers a call of a worker. */
  readonly call: (worker: object, space: string, call: StoreCall) => unknown
  /** Frees what a worker holds that is gone. */
  readonly leave: (worker: object) => void
}

interface Space {
  stored: StoredKeySet | undefined
  changes: number
  /** Milliseconds of `now`. */
  cooldownUntil: number
  lease: { readonly holder: object; readonly until: number } | undefined
}

/** Milliseconds that a fetch may take before another worker tries. */
const LEASE = 6_000

/** More than the policy in force and the one before it: nobody asks for the others any more. */
const MAX_SPACES = 4

/** @param now milliseconds; a clock that nobody can set back */
export function createKeySpaces(now: () => number = () => performance.now()): KeySpaces {
  const spaces = new Map<string, Space>()

  const spaceOf = (name: string): Space => {
    const known = spaces.get(name)
    if (known) return known
    const [oldest] = spaces.keys()
    if (oldest !== undefined && spaces.size >= MAX_SPACES) spaces.delete(oldest)
    const space = { stored: undefined, changes: 0, cooldownUntil: 0, lease: undefined }
    spaces.set(name, space)
    return space
  }

  const call: KeySpaces['call'] = (worker, name, wanted) => {
    const space = spaceOf(name)
    switch (wanted.do) {
      case 'read':
        return space.stored
      case 'write':
        space.stored = wanted.stored
        space.cooldownUntil = now() + wanted.ms
        space.changes += 1
        return true
      case 'lease':
        if (space.lease && space.lease.until > now()) return false
        space.lease = { holder: worker, until: now() + LEASE }
        return true
      case 'release':
        if (space.lease?.holder !== worker) return true
        space.lease = wanted.ms > 0 ? { holder: worker, until: now() + wanted.ms } : undefined
        return true
      case 'claimCooldown':
        if (space.cooldownUntil > now()) return false
        space.cooldownUntil = now() + wanted.ms
        return true
      case 'stamp':
        return String(space.changes)
    }
  }

  const leave: KeySpaces['leave'] = worker => {
    for (const space of spaces.values()) {
      if (space.lease?.holder === worker) space.lease = undefined
    }
  }
  return { call, leave }
}
