import { Pool } from 'undici'
import type { Origin, Upstream } from '../model.ts'

/** Bytes of header block that an upstream may answer with. */
const MAX_ANSWER_HEADERS = 64 * 1024

/** Connections to the upstreams, shared by the policies that use them one after the other. */
export interface Pools {
  readonly poolFor: (upstream: Upstream, origin: Origin) => Pool
  /** The next origin of an upstream, in turn. */
  readonly nextOrigin: (upstream: Upstream) => Origin
  /** Closes what none of these upstreams uses, once its requests have ended. */
  readonly keepOnly: (upstreams: readonly Upstream[]) => void
  readonly close: () => Promise<void>
}

export function createPools(): Pools {
  const pools = new Map<string, Pool>()
  const turns = new WeakMap<Upstream, number>()

  const poolFor: Pools['poolFor'] = (upstream, origin) => {
    const key = keyOf(upstream, origin)
    const known = pools.get(key)
    if (known) return known
    const pool = openPool(upstream, origin)
    pools.set(key, pool)
    return pool
  }

  const nextOrigin: Pools['nextOrigin'] = upstream => {
    const turn = turns.get(upstream) ?? 0
    turns.set(upstream, (turn + 1) % upstream.origins.length)
    return upstream.origins[turn] as Origin
  }

  const keepOnly: Pools['keepOnly'] = upstreams => {
    const used = new Set(upstreams.flatMap(one => one.origins.map(origin => keyOf(one, origin))))
    for (const [key, pool] of pools) {
      if (used.has(key)) continue
      pools.delete(key)
      void pool.close()
    }
  }

  const close = async () => {
    await Promise.all([...pools.values()].map(pool => pool.destroy()))
  }

  return { poolFor, nextOrigin, keepOnly, close }
}

const keyOf = ({ connectTimeout, idleTimeout }: Upstream, { origin }: Origin) =>
  `${origin} ${connectTimeout} ${idleTimeout}`

/** HTTP/1.1 only, one request at a time on a connection: an answer can belong to one request alone. */
const openPool = ({ connectTimeout, idleTimeout }: Upstream, { origin }: Origin) =>
  new Pool(origin, {
    allowH2: false,
    pipelining: 1,
    connect: { timeout: connectTimeout },
    bodyTimeout: idleTimeout,
    maxHeaderSize: MAX_ANSWER_HEADERS,
  })
