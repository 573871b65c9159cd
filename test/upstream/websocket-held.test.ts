import { expect, test } from 'vitest'
import { heapLook } from '../support/heap.ts'
import { request } from '../support/raw.ts'
import type { Upstream } from '../support/upstream.ts'
import { accepts, type Caller, call, type Place, startPlace, WEBSOCKET } from './support.ts'

/** What an idle WebSocket holds in the memory of the gateway. */

const COUNT = 30

test('a WebSocket that is open keeps nothing of its request, nor of the answer to it', async () => {
  const heap = heapLook()
  const { env } = heap
  const place = await startPlace(([only]) => ({ api: { upstream: { url: only?.url } } }), { env })
  ;(place.origins[0] as Upstream).answer = accepts
  const callers: Caller[] = []
  try {
    for (let i = 0; i < COUNT; i++) callers.push(await opened(place))
    const counts = await heap.count(place.gateway)
    // On both sides of each, which are all open, and hardly any others.
    const sockets = counts.get('Socket') ?? 0
    expect([sockets >= 2 * COUNT, sockets < 2.5 * COUNT]).toEqual([true, true])
    // Node may hold the last one.
    const held = OF_A_REQUEST.filter(name => (counts.get(name) ?? 0) > COUNT / 5)
    expect(held).toEqual([])
  } finally {
    for (const { socket } of callers) socket.destroy()
    await place.stop()
    heap.remove()
  }
}, 60_000)

/** Names of constructors, and of functions that live no longer than what they are part of. */
const OF_A_REQUEST = [
  'IncomingMessage',
  'ServerResponse',
  'ClientRequest',
  'HTTPParser',
  'FastBuffer',
  'tryNext',
  'proceed',
  'failed',
  'leave',
]

/** A WebSocket that has been opened with a token. */
async function opened({ gateway, issuer }: Place): Promise<Caller> {
  const parts = { host: 'api.test', target: '/closed/ws', token: issuer.token() }
  const one = call(gateway.port, request({ ...parts, headers: WEBSOCKET }))
  await one.until(' 101 ')
  return one
}
