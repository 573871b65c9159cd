import type { Policy } from '../policy/policy.ts'
import { parseRedisUrl } from '../policy/redis-url.ts'
import { createKeys, type Inherited, type Keys } from '../token/keys.ts'
import type { KeyEvents } from '../token/refresh.ts'
import type { KeySetStore } from '../token/store.ts'
import { systemClock } from './clock.ts'
import { keySetFetcher } from './issuer.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { RedisEvents } from './redis-guard.ts'
import { openRedisStore, type RedisStore } from './redis-store.ts'

/** The issuer's keys with what they hang on: the connection to the issuer, and Redis where there is one. */
export interface IssuerKeys extends Keys {
  readonly redisUp: () => boolean | undefined
  readonly close: () => Promise<void>
}

export interface KeysTools {
  readonly log: Log
  readonly metrics: Metrics
  /** Where the processes of one gateway share a key set; only used without a Redis. */
  readonly openShared?: (policy: Policy) => KeySetStore
}

/**
 * Begins to fetch the keys of a policy's issuer; nothing waits for them but requests that need one.
 *
 * @param inherited what is known of them already
 */
export function openKeys(
  policy: Policy,
  { log, metrics, openShared }: KeysTools,
  inherited?: Inherited,
): IssuerKeys {
  const fetchKeySet = keySetFetcher(policy.issuer)
  for (const outcome of ['success', 'failure']) metrics.keyFetches.inc({ outcome }, 0)
  const redis = openStore(policy, redisEvents(log, metrics))
  const store = redis ?? openShared?.(policy)
  const sources = { fetchKeySet, store, clock: systemClock, events: keyEvents(log, metrics) }
  const keys = createKeys(sources, policy.keys, inherited)
  void keys.refresh()
  const close = async () => {
    keys.stop()
    fetchKeySet.close()
    await redis?.close()
  }
  return { ...keys, redisUp: () => redis?.up(), close }
}

/** The store of a policy; `undefined` where it names no Redis. */
export function openStore(
  { redis, issuer }: Policy,
  events: RedisEvents,
  commandTimeout?: number,
): RedisStore | undefined {
  const address = redis && parseRedisUrl(redis.url)
  if (!redis || !address) return undefined
  return openRedisStore({ address, ...redis, issuer: issuer.url, commandTimeout }, events)
}

/** Logs one line for each change of state, not for each attempt. */
function keyEvents(log: Log, metrics: Metrics): KeyEvents {
  let lastError: string | undefined
  let lastKids: string | undefined
  return {
    onAttempt: ({ error, from, fetched, keySet }) => {
      if (fetched) {
        metrics.keyFetches.inc({ outcome: error === undefined ? 'success' : 'failure' })
      }
      if (error !== undefined && error !== lastError) log.warn({ error }, 'keys not fetched')
      const kids = keySet?.usable.map(({ kid }) => kid ?? '').join(' ')
      // What another process of this gateway has fetched, that one has told already.
      const isNew = kids !== lastKids && (fetched || from === 'redis')
      if (kids !== undefined && (isNew || lastError !== undefined)) {
        log.info({ from, kids: kids.split(' '), unusable: keySet?.unusable }, 'keys fetched')
      }
      lastError = error
      lastKids = kids ?? lastKids
    },
    onUnknownKid: () => metrics.unknownKids.inc(),
  }
}

function redisEvents(log: Log, metrics: Metrics): RedisEvents {
  let ignored: string | undefined
  return {
    onState: (up, error) => {
      metrics.redisUp.set(up ? 1 : 0)
      if (up) log.info({}, 'redis is there')
      else log.warn({ error }, 'redis is away')
    },
    onIgnored: why => {
      metrics.storedKeysIgnored.inc()
      if (why !== ignored) log.warn({ why }, 'a value in redis is ignored')
      ignored = why
    },
  }
}
