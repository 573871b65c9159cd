import { openConnections } from './pool.ts'
import { readSmall } from './read-small.ts'

export interface FetchLimits {
  /** Milliseconds. */
  readonly connectTimeout: number
  /** Bytes. */
  readonly maxBody: number
  readonly signal: AbortSignal
}

export interface Fetched {
  readonly status: number
  readonly body: Buffer
}

/**
 * Gets a small document on a connection of its own; redirects are not followed.
 *
 * @param accept the media type that is asked for
 */
export async function fetchSmall(
  url: URL,
  accept: string,
  { connectTimeout, maxBody, signal }: FetchLimits,
): Promise<Fetched> {
  const origin = { origin: url.origin, host: url.host, basePath: '' }
  const limits = { connectTimeout, idleTimeout: Number.POSITIVE_INFINITY, tls: {} }
  const connections = openConnections(limits, origin)
  const request = {
    method: 'GET',
    target: url.pathname + url.search,
    headers: ['Host', url.host, 'Accept', accept],
    timeout: Number.POSITIVE_INFINITY,
  }
  try {
    const { isCut, ...fetched } = await readSmall(connections, request, maxBody, signal)
    if (isCut) throw new Error(`it is longer than ${maxBody} bytes`)
    return fetched
  } finally {
    connections.destroy()
  }
}
