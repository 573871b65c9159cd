import { describe, expect, test } from 'vitest'
import { freePort } from '../support/redis.ts'
import { reply, startUpstream, type Upstream } from '../support/upstream.ts'
import { between, countsOf, POST, sharedGateway, statuses, times } from './between.ts'

const serve = between(sharedGateway())

describe('a request that stays without an answer', () => {
  test('is sent again once where it may be: to another origin', async () => {
    const place = await serve([], {}, 2)
    const [bad, good] = place.origins as [Upstream, Upstream]
    bad.answer = (_request, socket) => void socket.resetAndDestroy()
    expect(await statuses(place, 4)).toEqual([200, 200, 200, 200])
    expect(bad.requests.length).toBeGreaterThan(0)
    expect(good.requests.length).toBe(4)
  })

  test('is sent again to the same origin where the other one is down', async () => {
    const gone = await startUpstream()
    await gone.close()
    const place = await serve([gone.url], {}, 1)
    const [only] = place.origins as [Upstream]
    await statuses(place, 2)
    // As where a kept-alive connection has become too old.
    let n = 0
    only.answer = (_request, socket) => {
      if (++n > 1) return reply()
      socket.resetAndDestroy()
      return undefined
    }
    expect(await statuses(place, 1)).toEqual([200])
    expect(only.requests.length).toBe(4)
  })

  test('of many origins that are down says nothing else than that', async () => {
    const gone = await Promise.all(Array.from({ length: 12 }, freePort))
    const place = await serve(gone.map(port => `http://127.0.0.1:${port}`))
    expect(await statuses(place, 1)).toEqual([502])
    // A warning of Node's about a leak, were each attempt to leave a listener behind.
    expect(place.gateway.errorText).toBe('')
  })

  test('is not sent a third time', async () => {
    const place = await serve([], {}, 3)
    for (const origin of place.origins) origin.answer = (_request, socket) => void socket.destroy()
    expect(await statuses(place, 1)).toEqual([502])
    expect(countsOf(place.origins).reduce((sum, count) => sum + count)).toBe(2)
  })

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'QUERY'])(
    'is sent once if it is a %s, whatever happens',
    async method => {
      const place = await serve([], {}, 2)
      for (const origin of place.origins)
        origin.answer = (_request, socket) => void socket.destroy()
      expect(await statuses(place, 4, { ...POST, method })).toEqual(times(4, 502))
      expect(await statuses(place, 4, { method })).toEqual(times(4, 502))
      expect(countsOf(place.origins)).toEqual([4, 4])
    },
  )
})
