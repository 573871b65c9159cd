import { Pool } from 'undici'
import type { Origin, Upstream } from '../model.ts'
import { timerLimit } from '../timer.ts'
import { type TlsIdentity, tlsIdentity } from './tls.ts'

/** Bytes of header block that an upstream may answer with. */
const MAX_ANSWER_HEADERS = 64 * 1024

/** The connections to one origin. */
export interface OriginPool {
  readonly pool: Pool
  readonly identity: TlsIdentity | undefined
}

/** What two upstreams must have in common to share connections. */
export const poolKey = (
  { connectTimeout, idleTimeout, maxConnections, tls }: Upstream,
  { origin }: Origin,
): string => JSON.stringify([origin, connectTimeout, idleTimeout, maxConnections, tls])

/** HTTP/1.1 only, one request at a time on a connection: an answer can belong to one request alone. */
export function openPool(upstream: Upstream, origin: Origin): OriginPool {
  const { connectTimeout, idleTimeout, maxConnections } = upstream
  const identity = tlsIdentity(upstream, origin)
  const pool = new Pool(origin.origin, {
    allowH2: false,
    pipelining: 1,
    connections: maxConnections,
    connect: { timeout: timerLimit(connectTimeout), ...identity },
    bodyTimeout: timerLimit(idleTimeout),
    maxHeaderSize: MAX_ANSWER_HEADERS,
  })
  return { pool, identity }
}
