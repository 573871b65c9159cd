import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { FeideError } from './errors.ts'
import type { Granted } from './token-endpoint.ts'

/** Why there is no token. */
export interface NotExchanged {
  /** Feide said no to this token, or cannot be asked now. */
  readonly notExchanged: 'refused' | 'unavailable'
  /** For the log, and where Feide refused also for the caller; never a token. */
  readonly why: string
}

export const isNotExchanged = (value: object): value is NotExchanged => 'notExchanged' in value

/** A token in exchange for another one, and until when it is good. */
export interface Exchanged {
  readonly token: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** Where gateways share exchanged tokens; nothing here rejects, a store that is away is empty. */
export interface ExchangedStore {
  readonly read: (key: string) => Promise<Exchanged | undefined>
  readonly write: (key: string, exchanged: Exchanged) => Promise<void>
}

/** What is remembered of exchanges: shared by all exchangers, and kept over reloads. */
export interface ExchangeMemory {
  readonly known: LRUCache<string, Exchanged>
  readonly refused: LRUCache<string, Refusal>
  readonly asking: Map<string, Promise<Exchanged | NotExchanged>>
}

interface Refusal extends NotExchanged {
  /** Milliseconds since the epoch. */
  readonly until: number
}

export const createExchangeMemory = (): ExchangeMemory => ({
  known: new LRUCache({ max: MAX_TOKENS }),
  refused: new LRUCache({ max: MAX_TOKENS }),
  asking: new Map(),
})

export interface ExchangerParts {
  /** What makes an exchange another one: issuer, credentials, audience, scope. */
  readonly name: string
  readonly memory: ExchangeMemory
  /** Asks Feide; rejects with a `FeideError`. */
  readonly ask: (subject: string) => Promise<Granted>
  readonly store?: ExchangedStore | undefined
  readonly now: () => number
  /** Told of each answer of Feide's, and that there was none, with why there is no token. */
  readonly onOutcome?: (outcome: 'success' | 'refused' | 'unavailable', why?: string) => void
}

/**
 * Exchanges tokens, each one once.
 *
 * @param validUntil milliseconds since the epoch after which what comes of it is not used
 */
export type Exchanger = (
  subject: string,
  validUntil: number,
) => Exchanged | Promise<Exchanged | NotExchanged>

/** Tokens that are remembered. */
const MAX_TOKENS = 10_000
/** Requests to Feide at once; callers who make tokens up must not become a flood there. */
const MAX_ASKING = 64
/** Milliseconds for which Feide's refusal of a token stands, and for which an outage is believed. */
const REFUSED_FOR = 30_000
const AWAY_FOR = 1_000
/** Milliseconds before its end at which a token of Feide's is not used any more. */
const MARGIN = 5_000
/** Milliseconds for a token of which Feide did not say how long it lives. */
const DEFAULT_LIFE = 60_000

/**
 * Remembers what Feide gave in exchange for a token, and that it refused one; asks once for a token at
 * a time. Keys are hashes, so that what is shared says nothing of the tokens.
 */
export function createExchanger(parts: ExchangerParts): Exchanger {
  const { name, memory, ask, store, now, onOutcome } = parts
  const { known, refused, asking } = memory
  let awayUntil = 0

  const isGood = ({ expiresAt }: Exchanged) => expiresAt > now()

  const failed = (error: FeideError, subject: string, key: string): NotExchanged => {
    const why = error.message.replaceAll(subject, '…')
    const notExchanged = isRefusal(error) ? 'refused' : 'unavailable'
    if (notExchanged === 'unavailable') awayUntil = now() + AWAY_FOR
    else refused.set(key, { notExchanged, why, until: now() + REFUSED_FOR })
    onOutcome?.(notExchanged, why)
    return { notExchanged, why }
  }

  const fromFeide = async (subject: string, validUntil: number, key: string) => {
    if (awayUntil > now()) return AWAY
    if (asking.size > MAX_ASKING) return BUSY
    try {
      const { token, expiresIn } = await ask(subject)
      const life = expiresIn === undefined ? DEFAULT_LIFE : expiresIn * 1000
      const exchanged = { token, expiresAt: Math.min(validUntil, now() + life - MARGIN) }
      known.set(key, exchanged)
      onOutcome?.('success')
      await store?.write(key, exchanged)
      return exchanged
    } catch (error) {
      if (!(error instanceof FeideError)) throw error
      return failed(error, subject, key)
    }
  }

  const obtain = async (subject: string, validUntil: number, key: string) => {
    const stored = await store?.read(key)
    if (!stored || !isGood(stored)) return fromFeide(subject, validUntil, key)
    known.set(key, stored)
    return stored
  }

  return (subject, validUntil) => {
    const key = createHash('sha256').update(`${name}\n${subject}`).digest('base64url')
    const found = known.get(key)
    if (found && isGood(found)) return found
    const no = refused.get(key)
    if (no && no.until > now()) return Promise.resolve(no)
    const pending = asking.get(key)
    if (pending) return pending
    const started = obtain(subject, validUntil, key).finally(() => asking.delete(key))
    asking.set(key, started)
    return started
  }
}

const AWAY: NotExchanged = { notExchanged: 'unavailable', why: 'Feide could not be asked just now' }
const BUSY: NotExchanged = { notExchanged: 'unavailable', why: 'Feide is being asked too much' }

/** What is wrong with the gateway's own credentials is no fault of the token. */
const OWN_FAULTS = new Set(['invalid_client', 'unauthorized_client', 'unsupported_grant_type'])

const isRefusal = ({ code }: FeideError): boolean => code !== undefined && !OWN_FAULTS.has(code)
