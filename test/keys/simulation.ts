import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { type Denial, isDenial } from '../../gateway/policy/denial.ts'
import { createKeys, type Keys } from '../../gateway/token/keys.ts'
import type { Clock } from '../../gateway/token/obtain.ts'
import type { KeySetStore, StoredKeySet } from '../../gateway/token/store.ts'
import type { KeyTimes } from '../../gateway/token/times.ts'
import { type Jwk, publicJwk } from '../support/issuer.ts'

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE

/** What a policy has where it says nothing. */
export const DEFAULTS: KeyTimes = {
  refresh: 10 * MINUTE,
  staleFor: 24 * HOUR,
  unknownKidCooldown: 30 * SECOND,
}

/** The public half of a new key, as an issuer publishes it. */
export function newKey(kid: string): Jwk {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return publicJwk(privateKey, { kid, use: 'sig', alg: 'ES256' })
}

export type ManualClock = Clock & {
  /** Lets time go by: every timer runs at its moment, and what it sets off comes to an end. */
  readonly pass: (ms: number) => Promise<void>
}

type Timer = { readonly at: number; readonly run: () => void }

/** A clock that stands still unless a test lets time pass. */
export function manualClock(): ManualClock {
  let now = Date.parse('2026-01-05T08:00:00Z')
  const timers = new Set<Timer>()
  const nextUntil = (end: number) =>
    [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
  return {
    now: () => now,
    after: (ms, run) => {
      const timer = { at: now + ms, run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    async pass(ms) {
      const end = now + ms
      await settled()
      for (let timer = nextUntil(end); timer; timer = nextUntil(end)) {
        timers.delete(timer)
        now = Math.max(now, timer.at)
        timer.run()
        await settled()
      }
      now = end
    },
  }
}

/** All promises that hang on nothing but each other are done. */
const settled = async () => {
  await turn()
  await turn()
}

/** An issuer in memory, which fails with an error while there is one. */
export type SimulatedIssuer = {
  keys: Jwk[]
  error: string | undefined
  /** Milliseconds that an answer takes. */
  delay: number
  /** When it was asked, in milliseconds since the start. */
  readonly asked: number[]
}

/** The store of a whole fleet, in memory; away it reads as empty and grants every claim. */
export type SimulatedStore = {
  away: boolean
  /** Calls of any kind so far. */
  calls: number
  keySet: StoredKeySet | undefined
  distrusted: ReadonlySet<string> | undefined
  /** Holds the lease, and until when; tests may take it. */
  lease: { readonly holder: unknown; readonly until: number } | undefined
  /** Whose word its key set is taken for. */
  vouches: KeySetStore['vouches']
  /** Answers one such call as if it could not be read. */
  failNext: 'read' | 'distrusted' | undefined
  /** What an operator does from elsewhere. */
  readonly say: (change: { keySet?: StoredKeySet; distrusted?: ReadonlySet<string> }) => void
  readonly forGateway: () => KeySetStore
}

const LEASE = 6 * SECOND

export function simulatedStore(clock: Clock): SimulatedStore {
  let changes = 0
  let cooldown = 0
  const store: SimulatedStore = {
    away: false,
    calls: 0,
    keySet: undefined,
    distrusted: undefined,
    lease: undefined,
    vouches: 'redis',
    failNext: undefined,
    say(change) {
      Object.assign(store, change)
      changes += 1
    },
    forGateway() {
      const holder = Symbol('gateway')
      const call = async <T>(otherwise: T, run: () => T, kind?: string): Promise<T> => {
        store.calls += 1
        const fails = kind !== undefined && store.failNext === kind
        if (fails) store.failNext = undefined
        return store.away || fails ? otherwise : run()
      }
      return {
        vouches: store.vouches,
        read: () => call(undefined, () => store.keySet, 'read'),
        write: (keySet, ms) =>
          call(undefined, () => {
            store.say({ keySet })
            cooldown = clock.now() + ms
          }),
        lease: () =>
          call(true, () => {
            if (store.lease && store.lease.until > clock.now()) return false
            store.lease = { holder, until: clock.now() + LEASE }
            return true
          }),
        release: keepFor =>
          call(undefined, () => {
            if (store.lease?.holder !== holder) return
            store.lease = keepFor > 0 ? { holder, until: clock.now() + keepFor } : undefined
          }),
        claimCooldown: ms =>
          call(true, () => {
            if (cooldown > clock.now()) return false
            cooldown = clock.now() + ms
            return true
          }),
        stamp: () => call(undefined, () => String(changes)),
        distrusted: () =>
          call(
            undefined,
            () => store.distrusted && { kids: store.distrusted, at: changes },
            'distrusted',
          ),
      }
    },
  }
  return store
}

export type Simulation = {
  readonly clock: ManualClock
  readonly issuer: SimulatedIssuer
  readonly store: SimulatedStore
  readonly gateways: readonly Keys[]
  /** The error of each attempt of any gateway; `undefined` for one that brought a key set. */
  readonly attempts: (string | undefined)[]
  /** Further gateways, started now. */
  readonly start: (count?: number) => Keys[]
}

export type SimulationOptions = {
  readonly times?: Partial<KeyTimes>
  readonly shared?: boolean
  readonly keys?: Jwk[]
}

/** Gateways under a clock that the test moves, without I/O; none is started yet. */
export function simulation(options: SimulationOptions = {}): Simulation {
  const { times = {}, shared = false, keys = [newKey('key-1')] } = options
  const clock = manualClock()
  const began = clock.now()
  const store = simulatedStore(clock)
  const issuer: SimulatedIssuer = { keys, error: undefined, delay: 0, asked: [] }
  const gateways: Keys[] = []
  const attempts: (string | undefined)[] = []
  const events = {
    onAttempt: ({ error }: { readonly error: string | undefined }) => void attempts.push(error),
    onUnknownKid: () => {},
  }
  const fetchKeySet = async (): Promise<unknown> => {
    issuer.asked.push(clock.now() - began)
    if (issuer.delay > 0) await new Promise<void>(done => void clock.after(issuer.delay, done))
    if (issuer.error !== undefined) throw new Error(issuer.error)
    return { keys: [...issuer.keys] }
  }
  const startOne = (): Keys => {
    const own = shared ? store.forGateway() : undefined
    const made = createKeys({ fetchKeySet, store: own, clock, events }, { ...DEFAULTS, ...times })
    gateways.push(made)
    void made.refresh()
    return made
  }
  const start = (count = 1) => Array.from({ length: count }, startOne)
  return { clock, issuer, store, gateways, attempts, start }
}

/** What a gateway says of a key id: `found`, or the code of its denial. */
export async function answerOf(keys: Keys, kid: string | undefined = 'key-1'): Promise<string> {
  return nameOf(await keys.find(kid, 'ES256'))
}

/** The same for an answer that must be there without waiting. */
export function answerAtOnce(keys: Keys, kid: string | undefined = 'key-1'): string {
  const found = keys.find(kid, 'ES256')
  return found instanceof Promise ? 'a promise' : nameOf(found)
}

const nameOf = (found: KeyObject | Denial): string => (isDenial(found) ? found.denied : 'found')

/** One gateway that has just fetched its first key set. */
export async function warm(options: SimulationOptions = {}): Promise<Simulation & { keys: Keys }> {
  const simulated = simulation(options)
  const [keys] = simulated.start()
  if (keys === undefined) throw new Error('no gateway')
  await simulated.clock.pass(SECOND)
  return { ...simulated, keys }
}
