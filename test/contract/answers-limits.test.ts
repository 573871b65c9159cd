import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chunked, type RequestParts, request, sendOne } from '../support/raw.ts'
import { type Code, codeOf, refusal, refusalOf } from '../support/refusal.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({
    limits: { headerTimeout: '1s', bodyIdle: '1s' },
    dataSources: {
      grades: { maxBody: '1KiB', routes: { 'GET /health': 'public', 'POST /health': 'public' } },
    },
  })
})
afterAll(() => world.stop())

describe('a body beyond the limit', () => {
  const post = (body: Buffer): RequestParts => ({
    method: 'POST',
    target: '/health',
    headers: [['Transfer-Encoding', 'chunked']],
    body,
  })

  it('that is streamed is body_too_large, and no more than the limit goes on', async () => {
    world.upstream.reset()
    const pieces = Array.from({ length: 8 }, () => 'x'.repeat(512))
    const answer = await world.ask(post(chunked(...pieces)))
    expect(codeOf(answer)).toBe('body_too_large')
    expect(world.upstream.requests).toEqual([])
    const sent = world.upstream.received.match(/x{2,}/g)?.join('').length ?? 0
    expect(sent).toBeLessThanOrEqual(1024)
  })

  it('of exactly the limit passes', async () => {
    const whole = { method: 'POST', target: '/health', body: 'x'.repeat(1024) }
    const answers = [
      await world.ask({ ...whole, headers: [['Content-Length', '1024']] }),
      await world.ask(post(chunked('x'.repeat(1024)))),
    ]
    expect(answers.map(codeOf)).toEqual([200, 200])
  })
})

describe('limits on the head of a request', () => {
  const many = (count: number): RequestParts => ({
    target: '/health',
    // One more is the Host.
    headers: Array.from({ length: count - 1 }, (_, index) => [`X-${index}`, 'x']),
  })

  it.each([
    ['100 fields pass', many(100), 200],
    ['101 fields are too many', many(101), 'headers_too_many'],
    ['2000 fields are too many', many(2000), 'headers_too_many'],
    [
      '33 KiB in one field are too large',
      { target: '/health', headers: [['X', 'x'.repeat(33 * 1024)]] },
      'headers_too_large',
    ],
    [
      '100 KiB in one field are too large',
      { target: '/health', headers: [['X', 'x'.repeat(100 * 1024)]] },
      'headers_too_large',
    ],
    [
      '31 KiB in one field pass',
      { target: '/health', headers: [['X', 'x'.repeat(31 * 1024)]] },
      200,
    ],
    ['a target of 16 KiB passes', { target: '/health?'.padEnd(16 * 1024, 'x') }, 200],
    [
      'a longer target is too long',
      { target: '/health?'.padEnd(16 * 1024 + 1, 'x') },
      'target_too_long',
    ],
    [
      'a target of 60 KiB is too long',
      { target: '/health?'.padEnd(60 * 1024, 'x') },
      'target_too_long',
    ],
  ] as [string, RequestParts, Code | 200][])('%s', async (_name, parts, seen) => {
    world.upstream.reset()
    const answer = await world.ask(parts)
    expect(codeOf(answer)).toBe(seen)
    if (seen === 200) return
    expect(refusalOf(answer)).toEqual(refusal(seen))
    expect(world.upstream.received).toBe('')
  })
})

describe('a caller that does not go on', () => {
  it('within the head gets request_timeout', async () => {
    const half = 'GET /health HTTP/1.1\r\nHost: gateway.test\r\nX-Half'
    const answer = await sendOne(world.gateway.port, half, { timeout: 8000 })
    expect({ ...refusalOf(answer), closed: answer.closed }).toEqual({
      ...refusal('request_timeout'),
      closed: true,
    })
  })

  it('within the body gets request_timeout', async () => {
    const half = request({
      method: 'POST',
      target: '/health',
      headers: [['Content-Length', '10']],
      body: 'x',
    })
    const answer = await sendOne(world.gateway.port, half, { timeout: 8000 })
    expect({ ...refusalOf(answer), closed: answer.closed }).toEqual({
      ...refusal('request_timeout'),
      closed: true,
    })
  })
})
