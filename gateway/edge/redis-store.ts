import { randomUUID } from 'node:crypto'
import type { RedisAddress } from '../policy/redis-url.ts'
import {
  type Codec,
  createCodec,
  type DistrustList,
  isUnusable,
  type KeySetStore,
} from '../token/store.ts'
import { openRedis } from './redis.ts'
import { guard, type RedisEvents } from './redis-guard.ts'

/** Milliseconds that a fetch may take before another gateway tries. */
const LEASE = 6_000

export interface RedisSettings {
  readonly address: RedisAddress
  readonly prefix: string
  readonly secret?: string | undefined
  readonly issuer: string
  /** Milliseconds that a command may take; default what a gateway waits. */
  readonly commandTimeout?: number | undefined
}

export interface RedisStore extends KeySetStore {
  readonly up: () => boolean
  /** Changes an operator's word, which is kept until it is taken back; `undefined` where it cannot. */
  readonly changeDistrusted: (
    change: (kids: Set<string>) => void,
  ) => Promise<ReadonlySet<string> | undefined>
  readonly close: () => Promise<void>
}

/** The store that gateways share through Redis. No method rejects, none takes longer than a command may. */
export function openRedisStore(settings: RedisSettings, events: RedisEvents): RedisStore {
  const { address, prefix, secret, issuer, commandTimeout } = settings
  const codec = createCodec(issuer, secret)
  const redis = openRedis(address, commandTimeout)
  const { attempt, up } = guard(redis, events)
  const key = (name: string) => `${prefix}keys:${name}`
  const holder = randomUUID()
  const changed = () => redis.set(key('changed'), randomUUID())
  const decode = decoder(codec, events)

  return {
    vouches: 'redis',
    up,
    read: () =>
      attempt(undefined, async () => {
        const value = decode('keys', await redis.get(key('set')))
        return value && { fetchedAt: value.at, document: value.payload }
      }),
    write: ({ fetchedAt, document }, cooldown) =>
      attempt(undefined, async () => {
        await redis.set(key('set'), codec.encode('keys', fetchedAt, document))
        await redis.set(key('cooldown'), '1', 'PX', cooldown)
        await changed()
      }),
    lease: () =>
      attempt(
        true,
        async () => (await redis.set(key('lease'), holder, 'PX', LEASE, 'NX')) === 'OK',
      ),
    release: keepFor =>
      attempt(undefined, async () => {
        await redis.eval(RELEASE, 1, key('lease'), holder, Math.ceil(keepFor))
      }),
    claimCooldown: ms =>
      attempt(true, async () => (await redis.set(key('cooldown'), '1', 'PX', ms, 'NX')) === 'OK'),
    stamp: () => attempt(undefined, async () => (await redis.get(key('changed'))) ?? 'never'),
    distrusted: () =>
      attempt(undefined, async () => {
        return readList(decode('distrusted', await redis.get(key('distrusted'))))
      }),
    changeDistrusted: change =>
      attempt(undefined, async () => {
        for (let tries = 0; tries < MAX_TRIES; tries++) {
          const before = await redis.get(key('distrusted'))
          const list = before === null ? NO_LIST : readList(decode('distrusted', before))
          if (!list) return undefined
          const kids = new Set(list.kids)
          change(kids)
          const text = codec.encode(
            'distrusted',
            Math.max(Date.now(), list.at + 1),
            [...kids].sort(),
          )
          const done = await redis.eval(SWAP, 1, key('distrusted'), before ?? '', text)
          if (done === 1) return changed().then(() => kids)
        }
        return undefined
      }),
    close: async () => redis.disconnect(),
  }
}

/** Only the holder may give a lease back, or change its length. */
const RELEASE = `
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('del', KEYS[1]) end
return redis.call('pexpire', KEYS[1], ARGV[2])
`

function decoder(codec: Codec, { onIgnored }: RedisEvents) {
  return (kind: string, text: string | null) => {
    if (text === null) return undefined
    const value = codec.decode(kind, text)
    if (!isUnusable(value)) return value
    onIgnored(`the stored value ${value.unusable}`)
    return undefined
  }
}

function readList(value: { at: number; payload: unknown } | undefined): DistrustList | undefined {
  if (!Array.isArray(value?.payload)) return undefined
  return { kids: new Set(value.payload.filter(kid => typeof kid === 'string')), at: value.at }
}

const NO_LIST: DistrustList = { kids: new Set(), at: 0 }

/** Two operators at once: the second one begins anew with what the first one wrote. */
const MAX_TRIES = 20
const SWAP = `
if (redis.call('get', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[2])
return 1
`
