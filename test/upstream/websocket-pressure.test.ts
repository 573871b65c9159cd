import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { request } from '../support/raw.ts'
import { waitUntil } from '../support/redis.ts'
import type { Upstream } from '../support/upstream.ts'
import { accepts, call, type Place, startPlace, WEBSOCKET } from './support.ts'

/** A WebSocket goes no faster than it is read, in either direction, and none of it is lost. */

let place: Place
let origin: Upstream
beforeAll(async () => {
  place = await startPlace(([only]) => ({ api: { upstream: { url: only?.url } } }))
  origin = place.origins[0] as Upstream
  origin.answer = accepts
})
afterAll(() => place?.stop())

/** More than what the system keeps for all connections between the two ends. */
const SIZE = 100_000_000
const PIECE = Buffer.alloc(SIZE / 100, 'x')

const joined = async () => {
  const before = origin.connections.length
  const bytes = request({ host: 'api.test', target: '/open/ws', headers: WEBSOCKET })
  const one = call(place.gateway.port, bytes)
  await one.until('\r\n\r\n')
  return { caller: one.socket, upstream: origin.connections[before]?.socket as Socket }
}

test.each(['caller', 'upstream'] as const)(
  'to a %s that does not read',
  async slow => {
    const ends = await joined()
    const reader = ends[slow]
    const writer = slow === 'caller' ? ends.upstream : ends.caller
    let read = 0
    reader.removeAllListeners('data').on('data', chunk => {
      read += chunk.length
    })
    reader.pause()
    for (let i = 0; i < 100; i++) writer.write(PIECE)
    await untilStill(() => writer.writableLength)
    expect(writer.writableLength).toBeGreaterThan(SIZE / 4)
    reader.resume()
    await waitUntil(
      () => read === SIZE,
      () => `only ${read} bytes`,
      20_000,
    )
    ends.caller.destroy()
  },
  60_000,
)

/** Resolves when the figure has been the same for a while. */
async function untilStill(figure: () => number): Promise<void> {
  for (let last = -1; last !== figure(); ) {
    last = figure()
    await sleep(500)
  }
}
