import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { request, sendOne } from '../support/raw.ts'
import { waitUntil } from '../support/redis.ts'
import { reply, type Upstream } from '../support/upstream.ts'
import { accepts, call, type Place, startPlace, untilIdle, WEBSOCKET } from './support.ts'

/**
 * What is opened with a token ends with it: at `exp` and the tolerance, 1 s here. WebSockets do unless
 * the data source says otherwise, answers only where it asks for it.
 */

const TOLERANCE = 1000

let place: Place
let origin: Upstream
beforeAll(async () => {
  place = await startPlace(
    ([only]) => {
      const upstream = { url: only?.url }
      return {
        usual: { upstream },
        reverse: {
          upstream,
          websocket: { closeAtExpiry: false },
          streams: { closeAtExpiry: true },
        },
      }
    },
    { more: ({ url }) => ({ issuer: { url, clockTolerance: '1s' } }) },
  )
  origin = place.origins[0] as Upstream
})
beforeEach(() => origin.reset())
afterAll(() => place.stop())

/** A token that expires so many seconds from now, and when that is with the tolerance. */
const shortLived = (seconds: number) => {
  const exp = Math.ceil(Date.now() / 1000) + seconds
  return { token: place.issuer.token({ exp }), ends: exp * 1000 + TOLERANCE }
}
const opening = (source: string, token?: string, headers = WEBSOCKET) =>
  request({ host: `${source}.test`, target: '/closed/a', token, headers })
const lineOf = async (source: string, status: number) => {
  const found = () =>
    place.gateway.logs.filter(
      line => line.dataSource === source && line.msg === 'request' && line.status === status,
    )
  await waitUntil(() => found().length > 0, 'not logged')
  return found().at(-1)
}
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
/** An event stream, or as good as one. */
const streams = () => {
  origin.answer = (_request, socket) => {
    socket.write(CHUNKED)
    const more = setInterval(() => socket.write('5\r\nevent\r\n'), 50)
    socket.on('close', () => clearInterval(more))
    return undefined
  }
}

describe('a WebSocket', () => {
  test('is closed on both sides when its token expires', async () => {
    origin.answer = accepts
    const { token, ends } = shortLived(1)
    const one = call(place.gateway.port, opening('usual', token))
    await one.until('101')
    one.socket.write('hello')
    await one.until('hello')
    await waitUntil(() => one.closed, 'not closed')
    expect(Date.now()).toBeGreaterThanOrEqual(ends - 50)
    await waitUntil(() => origin.connections.every(({ closed }) => closed), 'open at the upstream')
    expect(await lineOf('usual', 101)).toMatchObject({ cause: 'the token has expired' })
    await untilIdle(place, 'usual')
  })

  test('that nobody showed a token for stays, as does one that may outlive its token', async () => {
    origin.answer = accepts
    const { token, ends } = shortLived(1)
    const free = call(
      place.gateway.port,
      request({ host: 'usual.test', target: '/open/a', headers: WEBSOCKET }),
    )
    const kept = call(place.gateway.port, opening('reverse', token))
    for (const one of [free, kept]) await one.until('101')
    await waitUntil(() => Date.now() > ends + 500, 'time stands still')
    for (const one of [free, kept]) {
      one.socket.write('still there')
      await one.until('still there')
      one.socket.destroy()
    }
  })

  test('whose token has expired when it is taken up is closed at once', async () => {
    const { token, ends } = shortLived(1)
    origin.answer = async () => {
      await waitUntil(() => Date.now() > ends, 'time stands still')
      return accepts()
    }
    const one = call(place.gateway.port, opening('usual', token))
    await waitUntil(() => one.closed, 'not closed')
    await untilIdle(place, 'usual')
  })
})

describe('an answer that still runs when its token expires', () => {
  test('goes on', async () => {
    streams()
    const { token, ends } = shortLived(1)
    const one = call(place.gateway.port, opening('usual', token, []))
    await waitUntil(() => Date.now() > ends + 500, 'time stands still')
    const before = one.text.length
    await waitUntil(() => one.text.length > before, 'no more events')
    expect(one.closed).toBe(false)
    one.socket.destroy()
  })

  test('is broken off where the data source asks for it, and looks that way', async () => {
    streams()
    const { token, ends } = shortLived(1)
    const bytes = opening('reverse', token, [])
    const answer = await sendOne(place.gateway.port, bytes, { timeout: 15_000 })
    expect(Date.now()).toBeGreaterThanOrEqual(ends - 50)
    expect([answer.status, answer.complete, answer.closed]).toEqual([200, false, true])
    expect(answer.body).toMatch(/^(event)+$/)
    await waitUntil(() => origin.connections.every(({ closed }) => closed), 'open at the upstream')
    const line = await lineOf('reverse', 200)
    expect(line).toMatchObject({ cause: 'the token has expired', aborted: true })
    await untilIdle(place, 'reverse')
  })

  test('has a second where it began after that', async () => {
    const { token, ends } = shortLived(1)
    let began = 0
    origin.answer = async (_request, socket) => {
      await waitUntil(() => Date.now() > ends, 'time stands still')
      began = Date.now()
      socket.write(`${CHUNKED}5\r\nbegun\r\n`)
      return undefined
    }
    const bytes = opening('reverse', token, [])
    const answer = await sendOne(place.gateway.port, bytes, { timeout: 15_000 })
    expect([answer.body, answer.complete]).toEqual(['begun', false])
    expect(Date.now() - began).toBeGreaterThan(900)
    origin.answer = async () => {
      await waitUntil(() => Date.now() > ends, 'time stands still')
      return reply({ body: 'whole' })
    }
    const { token: another } = shortLived(0)
    const quick = opening('reverse', another, [])
    expect((await sendOne(place.gateway.port, quick)).body).toBe('whole')
  })

  test('is whole where it has ended before', async () => {
    const { token, ends } = shortLived(1)
    const one = call(place.gateway.port, opening('reverse', token, []))
    await one.until('{"ok":true}')
    await waitUntil(() => Date.now() > ends + 300, 'time stands still')
    one.socket.write(request({ host: 'reverse.test', target: '/open/next' }))
    await waitUntil(() => origin.requests.length === 2, 'the connection is not used again')
    one.socket.destroy()
  })
})
