import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { valuesOf } from '../support/raw.ts'
import { codeOf } from '../support/refusal.ts'
import type { Upstream } from '../support/upstream.ts'
import { type Place, startPlace, untilIdle, WEBSOCKET } from './support.ts'

/** What an upstream may say to a WebSocket: whatever it is, it is told, and the gateway goes on. */

let place: Place
let origin: Upstream
beforeAll(async () => {
  place = await startPlace(([only]) => ({
    api: { upstream: { url: only?.url, timeout: '500ms', maxConnections: 1 } },
  }))
  origin = place.origins[0] as Upstream
})
beforeEach(() => origin.reset())
afterAll(() => place.stop())

const says = (...lines: string[]) => {
  origin.answer = (_request, socket) => void socket.write(`${lines.join('\r\n')}\r\n\r\n`)
}
const ask = () => place.ask('api', { target: '/open/ws', headers: WEBSOCKET })

const TAKEN = ['HTTP/1.1 101 Yes', 'Connection: Upgrade', 'Upgrade: websocket']

describe('an upstream that takes a WebSocket up', () => {
  test.each([
    ['a coding that nobody asked for', 'Transfer-Encoding: gzip'],
    ['a coding that is chunked', 'Transfer-Encoding: chunked'],
    ['a length', 'Content-Length: 5'],
  ])('with %s has no body: none of it goes on', async (_, field) => {
    says(...TAKEN, field)
    const { status, headers } = await ask()
    const names = headers.map(([name]) => name.toLowerCase())
    expect({ status, names }).toEqual({
      status: 101,
      names: expect.not.arrayContaining(['transfer-encoding', 'content-length']),
    })
    await untilIdle(place, 'api')
  })

  test.each(['__proto__', 'constructor', 'toString'])('may have a header %s', async name => {
    says(...TAKEN, `${name}: 1`, `${name}: 2`)
    const answer = await ask()
    expect([answer.status, valuesOf(answer, name)]).toEqual([101, ['1', '2']])
    await untilIdle(place, 'api')
  })
})

describe('an upstream that answers a WebSocket with', () => {
  test.each([
    ['101 alone', 502, 'upstream_unavailable', ['HTTP/1.1 101 Yes']],
    ['101 and another protocol', 101, undefined, [...TAKEN.slice(0, 2), 'Upgrade: other']],
    ['103 and then nothing', 504, 'upstream_timeout', ['HTTP/1.1 103 Early Hints']],
    ['no HTTP at all', 502, 'upstream_unavailable', ['hello']],
    ['a status that is none', 502, 'upstream_unavailable', ['HTTP/1.1 000 No']],
    [
      'a coding that nobody asked for',
      502,
      'upstream_unavailable',
      ['HTTP/1.1 200 OK', 'Transfer-Encoding: gzip'],
    ],
  ])('%s is told, and gives its place back', async (_, status, code, lines) => {
    says(...lines)
    const answer = await ask()
    const said = status === 101 ? undefined : codeOf(answer)
    expect({ status: answer.status, code: said }).toEqual({ status, code })
    await untilIdle(place, 'api')
  })
})
