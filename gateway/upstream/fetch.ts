import { UpstreamFault } from './faults.ts'
import { openConnections } from './pool.ts'

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
  signal.throwIfAborted()
  const origin = { origin: url.origin, host: url.host, basePath: '' }
  const limits = { connectTimeout, idleTimeout: Number.POSITIVE_INFINITY, tls: {} }
  const connections = openConnections(limits, origin)
  const request = {
    method: 'GET',
    target: url.pathname + url.search,
    headers: ['Host', url.host, 'Accept', accept],
    timeout: Number.POSITIVE_INFINITY,
  }
  const { promise, resolve, reject } = Promise.withResolvers<Fetched>()
  const chunks: Buffer[] = []
  let status = 0
  let bytes = 0
  const sending = connections.send(request, {
    onBegan: () => {},
    onHead: head => {
      status = head.status
    },
    onData: chunk => {
      bytes += chunk.length
      chunks.push(chunk)
      if (bytes > maxBody) {
        sending.abort(new UpstreamFault('malformed', `it is longer than ${maxBody} bytes`))
      }
      return true
    },
    onEnd: () => resolve({ status, body: Buffer.concat(chunks) }),
    onUnreachable: reject,
    onError: reject,
  })
  const onAbort = () => {
    sending.abort(signal.reason)
    reject(signal.reason)
  }
  signal.addEventListener('abort', onAbort)
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
    connections.destroy()
  }
}
