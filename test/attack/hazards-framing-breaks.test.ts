import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { chunked, type HeaderList, request } from '../support/raw.ts'
import {
  type Attack,
  askAfterwards,
  behind,
  DELIVERIES,
  expected,
  INNER,
  outcomeOf,
  play,
  soundness,
} from './hazards-play.ts'
import { hazardStage, type Party, type Sent, tellBack, wireOf } from './hazards-stage.ts'
import { until } from './hazards-talk.ts'

/** Callers that pipeline, break off, or go on after they were refused. */

const on = hazardStage()
const CHUNKED: HeaderList = [['Transfer-Encoding', 'chunked']]
const LENGTH: HeaderList = [['Content-Length', String(INNER.length)]]

describe('of requests that are pipelined each has its own answer, and its own identity', () => {
  type One = { readonly told: string; readonly bytes: Buffer; readonly sent?: Sent }
  const asks = (as: Party, at: number): One => {
    const method = ['GET', 'DELETE', 'POST', 'OPTIONS'][at % 4] ?? 'GET'
    const target = as === 'nobody' ? `/open/${at}` : `/me?${at}`
    const token = as === 'nobody' ? undefined : on.token(as)
    const line = `${method} ${target}`
    const parts = { method, target, token, headers: CHUNKED, body: chunked(INNER) }
    const sent: Sent = { line, as, framing: 'chunked', body: INNER }
    return { told: `200 ${line} as ${as}`, bytes: request(parts), sent }
  }
  const refused = (at: number): One => {
    const parts = { method: 'PUT', target: `/me?${at}`, headers: LENGTH, body: INNER }
    return { told: '401 token_missing', bytes: request(parts) }
  }
  const parties: Party[] = ['ann', 'bo', 'nobody', 'mallory', 'cleo']

  test.each(DELIVERIES)('%s', async delivery => {
    const all = Array.from({ length: 40 }, (_, at) =>
      at % 6 === 5 ? refused(at) : asks(parties[at % 5] ?? 'nobody', at),
    )
    const row: Attack = {
      bytes: Buffer.concat(all.map(({ bytes }) => bytes)),
      answers: all.map(({ told }) => told),
      sent: all.flatMap(({ sent }) => (sent ? [sent] : [])),
    }
    expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
  })
})

/** And whether something of it has reached the upstream by then. */
const PLACES: [string, Buffer | string, boolean][] = [
  ['in the request line', 'POST /open/brok', false],
  ['in its head', 'POST /open/broken HTTP/1.1\r\nHost: gateway.test\r\nContent-Le', false],
  ['in a body with a length', start([['Content-Length', '1000']], INNER), true],
  ['before a chunk', start(CHUNKED, ''), false],
  ['in the size of a chunk', start(CHUNKED, '4'), false],
  ['in a chunk', start(CHUNKED, `fff\r\n${INNER}`), true],
  ['between chunks', start(CHUNKED, chunked(INNER).subarray(0, -5)), true],
  ['in the last chunk', start(CHUNKED, chunked(INNER).subarray(0, -2)), true],
  ['in a trailer', start(CHUNKED, `${chunked(INNER).toString().slice(0, -2)}X-A: b\r\n`), true],
]

function start(headers: HeaderList, body: Buffer | string): Buffer {
  return request({ method: 'DELETE', target: '/open/broken', headers, body })
}

const WAYS: [string, (socket: Socket) => void][] = [
  ['a FIN', socket => void socket.end()],
  ['a RST', socket => void socket.resetAndDestroy()],
]

describe.each(WAYS)('%s of a caller', (_, leave) => {
  test.each(PLACES)('%s leaves nothing behind', async (_place, bytes, reaches) => {
    on.upstream.reset()
    on.upstream.answer = tellBack
    const socket = connect(on.gateway.port, '127.0.0.1').setNoDelay(true)
    socket.on('error', () => {}).resume()
    socket.write(Buffer.concat([behind.bytes(on), Buffer.from(bytes)]))
    await until(() => on.upstream.requests.length > 0)
    await until(() => !reaches || on.upstream.received.includes('/open/broken'))
    leave(socket)
    await askAfterwards(on)
    const isSound = await soundness(on)
    socket.destroy()
    const complete = on.upstream.requests.map(({ target }) => target)
    expect([complete, isSound]).toEqual([['/me?behind', '/me?afterwards'], 'sound'])
  })
})

describe('a caller that goes on after it was refused', () => {
  const BODIES: [string, HeaderList, Buffer][] = [
    ['with a length', LENGTH, Buffer.from(INNER)],
    ['in chunks', CHUNKED, chunked(INNER)],
  ]
  test.each(BODIES)('sends a body, and no request: %s', async (_, headers, body) => {
    const refused = request({ method: 'POST', target: '/me', headers })
    const outcome = await outcomeOf(on, {
      steps: [
        { after: 0, pieces: [refused] },
        { after: 1, pieces: [...body].map(byte => Buffer.of(byte)) },
        { after: 1, pieces: [behind.bytes(on)] },
      ],
      methods: ['POST', 'GET'],
      answers: 2,
      closes: false,
    })
    expect(outcome).toEqual({
      answers: ['401 token_missing', behind.told],
      closed: false,
      sent: [behind.sent, { line: 'GET /me?afterwards', as: 'cleo' } as const].map(one =>
        wireOf(on, one),
      ),
      connections: 'sound',
    })
  })
})
