import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { request } from '../support/raw.ts'
import { waitUntil } from '../support/redis.ts'
import { reply, type Upstream } from '../support/upstream.ts'
import { call, startPlace, untilIdle, WEBSOCKET } from './support.ts'

/** A WebSocket that is declined with a body, by an upstream that keeps its connections open. */

test('callers that leave in its answer leave no connection behind', async () => {
  const place = await startPlace(([only]) => ({ api: { upstream: { url: only?.url } } }))
  const origin = place.origins[0] as Upstream
  origin.answer = () => reply({ body: 'x'.repeat(100_000) })
  const bytes = request({ host: 'api.test', target: '/open/ws', headers: WEBSOCKET })
  for (const leave of ['destroy', 'resetAndDestroy', 'end'] as const) {
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 20 }, async (_, patience) => {
          const one = call(place.gateway.port, bytes)
          await sleep(patience)
          one.socket[leave]()
          await waitUntil(() => one.closed, 'kept')
        }),
      )
    }
  }
  await untilIdle(place, 'api')
  await waitUntil(() => origin.open === 0, 'a connection is left')
  origin.answer = () => reply({ status: 426, body: 'no' })
  const answer = await place.ask('api', { target: '/open/ws', headers: WEBSOCKET })
  expect([answer.status, answer.body]).toEqual([426, 'no'])
  await place.stop()
}, 60_000)

test('its answer is whole, though the connection goes wrong behind it', async () => {
  const place = await startPlace(([only]) => ({ api: { upstream: { url: only?.url } } }))
  const origin = place.origins[0] as Upstream
  const declines = reply({ status: 403, headers: { Connection: 'close' }, body: 'not today' })
  origin.answer = () => Buffer.concat([declines, Buffer.from('and more')])
  const parts = { target: '/open/ws', headers: WEBSOCKET }
  const answer = await place.ask('api', parts).finally(place.stop)
  expect([answer.status, answer.body, answer.complete]).toEqual([403, 'not today', true])
})
