import { openRedisStore, type RedisStore } from '../../gateway/edge/redis-store.ts'
import { parseRedisUrl } from '../../gateway/policy/redis-url.ts'
import { waitUntil } from '../support/redis.ts'

export const ISSUER = 'https://auth.example.no'

export type StoreOptions = {
  readonly prefix?: string
  readonly secret?: string | undefined
  readonly issuer?: string
}

/** A store of the gateway, with what it has told about itself. */
export type OpenStore = RedisStore & {
  readonly states: (string | undefined)[]
  readonly ignored: string[]
}

/** Opens the store that a gateway with this `redis.url` would have. */
export function openStore(url: string, options: StoreOptions = {}): OpenStore {
  const { prefix = 'test:', secret, issuer = ISSUER } = options
  const address = parseRedisUrl(url)
  if (address === undefined) throw new Error(`not the URL of a Redis: ${url}`)
  const states: (string | undefined)[] = []
  const ignored: string[] = []
  const store = openRedisStore(
    { address, prefix, secret, issuer },
    {
      onState: (up, error) =>
        void states.push(up ? 'up' : `down: ${error === undefined ? '' : 'why'}`),
      onIgnored: why => void ignored.push(why),
    },
  )
  return { ...store, states, ignored }
}

/** Waits until a store is in use. */
export async function untilUp(store: RedisStore): Promise<void> {
  const up = async () => {
    await store.stamp()
    return store.up()
  }
  await waitUntil(up, 'the store does not come up')
}
