import type { Exchanged, ExchangedStore } from '../feide/exchanger.ts'
import type { RedisAddress } from '../policy/redis-url.ts'
import { createSealer } from '../token/seal.ts'
import { openRedis } from './redis.ts'
import { guard, type RedisEvents } from './redis-guard.ts'

export interface ExchangedStoreSettings {
  readonly address: RedisAddress
  readonly prefix: string
  /** Without it nothing would be stored: tokens are never written in the clear. */
  readonly secret: string
}

/** Exchanged tokens that gateways share through Redis, encrypted with `redis.secret`. */
export function openExchangedStore(
  { address, prefix, secret }: ExchangedStoreSettings,
  events: RedisEvents,
): ExchangedStore & { readonly close: () => void } {
  const redis = openRedis(address)
  const { attempt } = guard(redis, events)
  const sealer = createSealer(secret, 'feide-gateway exchanged tokens')
  const nameOf = (key: string) => `${prefix}exchanged:${key}`
  return {
    read: key =>
      attempt(undefined, async () => {
        const sealed = await redis.get(nameOf(key))
        if (sealed === null) return undefined
        const exchanged = parse(sealer.open(nameOf(key), sealed))
        if (!exchanged) events.onIgnored('an exchanged token is not sealed with redis.secret')
        return exchanged
      }),
    write: (key, exchanged) =>
      attempt(undefined, async () => {
        const life = exchanged.expiresAt - Date.now()
        if (life < 1) return
        const sealed = sealer.seal(nameOf(key), JSON.stringify(exchanged))
        await redis.set(nameOf(key), sealed, 'PX', Math.ceil(life))
      }),
    close: () => redis.disconnect(),
  }
}

function parse(text: string | undefined): Exchanged | undefined {
  if (text === undefined) return undefined
  const { token, expiresAt } = JSON.parse(text) as Record<string, unknown>
  const sound = typeof token === 'string' && typeof expiresAt === 'number'
  return sound ? { token, expiresAt } : undefined
}
