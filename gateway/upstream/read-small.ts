import type { Connections } from './pool.ts'
import type { Holder, Outgoing } from './sending.ts'

/** A short answer, whole or cut off where it was longer than anyone reads. */
export interface SmallAnswer {
  readonly status: number
  readonly body: Buffer
  readonly isCut: boolean
}

/**
 * Sends a request and reads its answer; what is longer is cut off, with its connection.
 *
 * @param maxBody bytes
 * @param signal gives the request up: the promise is rejected with its reason
 */
export async function readSmall(
  connections: Connections,
  request: Outgoing,
  maxBody: number,
  signal: AbortSignal,
): Promise<SmallAnswer> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<SmallAnswer>()
  const chunks: Buffer[] = []
  let status = 0
  let bytes = 0
  const answer = (isCut: boolean) => resolve({ status, body: Buffer.concat(chunks), isCut })
  const sending = connections.send(request, {
    onBegan: () => {},
    onHead: head => {
      status = head.status
    },
    onData: chunk => {
      bytes += chunk.length
      chunks.push(chunk)
      if (bytes > maxBody) {
        answer(true)
        sending.abort(new Error('more than anyone reads'))
      }
      return FOREVER
    },
    onPart: () => {},
    onEnd: () => answer(false),
    onUnreachable: reject,
    onError: reject,
  })
  const onAbort = () => {
    reject(signal.reason)
    sending.abort(signal.reason)
  }
  signal.addEventListener('abort', onAbort)
  return promise.finally(() => signal.removeEventListener('abort', onAbort))
}

/** It is put together when all of it is there. */
const FOREVER: Holder = { holds: () => true }
