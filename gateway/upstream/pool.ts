import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { Pool } from 'undici'
import type { Origin, Upstream } from '../model.ts'
import { timerLimit } from '../timer.ts'

/** Bytes of header block that an upstream may answer with. */
const MAX_ANSWER_HEADERS = 64 * 1024

/** Milliseconds for which an origin that could not be reached is passed over, while others can. */
const REST = 5_000

/** Connections to the upstreams, shared by the policies that use them one after the other. */
export interface Pools {
  readonly poolFor: (upstream: Upstream, origin: Origin) => Pool
  /** The next origin of an upstream, in turn; `undefined` when all have been tried. */
  readonly nextOrigin: (upstream: Upstream, tried?: ReadonlySet<Origin>) => Origin | undefined
  /** Says that an origin could not be reached. */
  readonly rest: (origin: Origin) => void
  /** Closes what none of these upstreams uses, once its requests have ended. */
  readonly keepOnly: (upstreams: readonly Upstream[]) => void
  readonly close: () => Promise<void>
}

export function createPools(now: () => number = Date.now): Pools {
  const pools = new Map<string, Pool>()
  const turns = new WeakMap<Upstream, number>()
  const restingUntil = new WeakMap<Origin, number>()

  const poolFor: Pools['poolFor'] = (upstream, origin) => {
    const key = keyOf(upstream, origin)
    const known = pools.get(key)
    if (known) return known
    const pool = openPool(upstream, origin)
    pools.set(key, pool)
    return pool
  }

  const nextOrigin: Pools['nextOrigin'] = (upstream, tried) => {
    const { origins } = upstream
    if (origins.length === 1) return tried?.size ? undefined : origins[0]
    const turn = turns.get(upstream) ?? 0
    turns.set(upstream, (turn + 1) % origins.length)
    const inTurn = [...origins.slice(turn), ...origins.slice(0, turn)]
    const left = inTurn.filter(origin => !tried?.has(origin))
    return left.find(origin => (restingUntil.get(origin) ?? 0) <= now()) ?? left[0]
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

  const rest = (origin: Origin) => void restingUntil.set(origin, now() + REST)
  return { poolFor, nextOrigin, rest, keepOnly, close }
}

const hostnameOf = (origin: string) => new URL(origin).hostname.replace(/^\[|\]$/g, '')

/** The name to ask for in the TLS handshake (RFC 6066 §3 knows no addresses). */
export const serverNameOf = (origin: string): string | undefined => {
  const hostname = hostnameOf(origin)
  return isIP(hostname) === 0 ? hostname : undefined
}

const keyOf = ({ connectTimeout, idleTimeout }: Upstream, { origin }: Origin) =>
  `${origin} ${connectTimeout} ${idleTimeout}`

/** HTTP/1.1 only, one request at a time on a connection: an answer can belong to one request alone. */
const openPool = ({ connectTimeout, idleTimeout }: Upstream, { origin }: Origin) =>
  new Pool(origin, {
    allowH2: false,
    pipelining: 1,
    connect: {
      timeout: timerLimit(connectTimeout),
      // Whoever is on the other end is held against the policy's URL, not against the request's Host.
      checkServerIdentity: (_asked: string, certificate: PeerCertificate) =>
        checkServerIdentity(hostnameOf(origin), certificate),
    },
    bodyTimeout: timerLimit(idleTimeout),
    maxHeaderSize: MAX_ANSWER_HEADERS,
  })
