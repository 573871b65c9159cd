import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { chunked, type HeaderList, type RequestParts, request } from '../support/raw.ts'
import { reply } from '../support/upstream.ts'
import { answerTo, answerToUpgrade, OVER, type Says, SERVED } from './hazards-answer.ts'
import { askAfterwards, behind, INNER, isClosed, told } from './hazards-play.ts'
import { hazardStage, tellBack } from './hazards-stage.ts'
import { talk } from './hazards-talk.ts'

/** Upstreams that break off, or say too much, or too early. */

const on = hazardStage()
const OK = 'HTTP/1.1 200 OK\r\n'
const LENGTH = 'Content-Length: 5\r\n\r\n'
const CHUNKS = 'Transfer-Encoding: chunked\r\n\r\n'
const POST: RequestParts = { method: 'POST', headers: [['Content-Length', '5']], body: 'hello' }

const fin = (text: string) => (socket: Socket) => void socket.end(text, 'latin1')
/** What was said is read before the reset: a reset takes away what waits to be read. */
const rst = (text: string) => async (socket: Socket) => {
  socket.write(text, 'latin1')
  await sleep(20)
  socket.resetAndDestroy()
}
const WAYS: [string, (text: string) => Says][] = [
  ['a FIN', fin],
  ['a RST', rst],
]
const METHODS: [string, RequestParts][] = [
  ['GET', {}],
  ['POST', POST],
]

const UNANSWERED: [string, string][] = [
  ['in the version', 'HTT'],
  ['in the status line', 'HTTP/1.1 200 O'],
  ['in a field', `${OK}Content-Len`],
  ['before the last line of the head', `${OK}Content-Length: 5\r\n`],
  ['behind a hint', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
]

describe.each(WAYS)('%s', (_, end) => {
  describe.each(METHODS)('after a %s', (_method, parts) => {
    test.each(UNANSWERED)(
      '%s is a fault of the upstream, and the request is sent once',
      async (_place, text) => {
        const given = await answerTo(on, end(text), parts)
        expect(given).toEqual({
          answer: '502 upstream_unavailable',
          headers: [],
          body: '',
          sent: 1,
          others: SERVED,
        })
      },
    )
  })

  test.each(UNANSWERED)(
    '%s of an answer to an upgrade is a fault of the upstream',
    async (_place, text) => {
      const given = await answerToUpgrade(on, end(text))
      expect([given.answer, given.sent, given.closed]).toEqual([
        '502 upstream_unavailable',
        1,
        true,
      ])
    },
  )

  test.each([
    ['GET', {}, 2],
    ['POST', POST, 1],
  ] as [string, RequestParts, number][])(
    'before any answer to a %s',
    async (_method, parts, sent) => {
      const given = await answerTo(on, end(''), parts)
      expect([given.answer, given.sent, given.others]).toEqual([
        '502 upstream_unavailable',
        sent,
        SERVED,
      ])
    },
  )

  const CUT: [string, string][] = [
    ['behind the head', `${OK}${LENGTH}`],
    ['in a body', `${OK}${LENGTH}only`],
    ['in the body of a connection that closes', `${OK}Connection: close\r\n${LENGTH}only`],
    ['in the body of HTTP/1.0', `HTTP/1.0 200 OK\r\n${LENGTH}only`],
    ['before the first chunk', `${OK}${CHUNKS}`],
    ['in the size of a chunk', `${OK}${CHUNKS}4`],
    ['in a chunk', `${OK}${CHUNKS}5\r\nonly`],
    ['between chunks', `${OK}${CHUNKS}4\r\nonly\r\n`],
    [
      'between chunks of a connection that closes',
      `${OK}Connection: close\r\n${CHUNKS}4\r\nonly\r\n`,
    ],
    ['in the last chunk', `${OK}${CHUNKS}4\r\nonly\r\n0\r\n`],
    ['in a trailer', `${OK}${CHUNKS}4\r\nonly\r\n0\r\nX-A: b\r\n`],
    ['behind hints, in a body', `HTTP/1.1 103 Hint\r\n\r\n${OK}${LENGTH}only`],
  ]

  describe.each(CUT)('%s is noticed', (_place, text) => {
    test.each(METHODS)('after a %s', async (_method, parts) => {
      const given = await answerTo(on, end(text), parts)
      expect(given).toEqual({ answer: 'cut', headers: [], body: '', sent: 1, others: OVER })
    })

    test('after an upgrade', async () => {
      const given = await answerToUpgrade(on, end(text))
      expect([given.answer, given.sent, given.closed]).toEqual(['cut', 1, true])
    })
  })

  test.each([
    ['a whole answer', `${OK}${LENGTH}whole`],
    ['a whole answer in chunks', `${OK}${CHUNKS}${chunked('whole')}`],
    ['a whole answer of a connection that closes', `${OK}Connection: close\r\n${LENGTH}whole`],
  ])('behind %s takes nothing from it', async (_place, text) => {
    const { answer, body, sent, others } = await answerTo(on, end(text))
    expect([answer, body, sent, others]).toEqual(['200', 'whole', 1, SERVED])
  })
})

const UNTIL_CLOSE: [string, string][] = [
  ['HTTP/1.1', `${OK}\r\nall`],
  ['HTTP/1.1 that closes', `${OK}Connection: close\r\n\r\nall`],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nall'],
]

describe('a body that ends with the connection', () => {
  test.each(UNTIL_CLOSE)('is whole after a FIN: %s', async (_, text) => {
    const { answer, body, sent, others } = await answerTo(on, fin(text))
    expect([answer, body, sent, others]).toEqual(['200', 'all', 1, SERVED])
  })

  test.each(UNTIL_CLOSE)('is cut by a RST, and its caller notices: %s', async (_, text) => {
    expect((await answerTo(on, rst(text))).answer).toBe('cut')
  })

  test.each(UNTIL_CLOSE)('is cut by a RST after an upgrade as well: %s', async (_, text) => {
    expect((await answerToUpgrade(on, rst(text))).answer).toBe('cut')
  })
})

describe('what an idle upstream says is nobody’s answer', () => {
  const POISON = `${OK}X-Told: poison\r\nContent-Length: 6\r\n\r\npoison`
  test.each<[string, (socket: Socket) => void]>([
    ['an answer', socket => void socket.write(POISON)],
    ['ten answers', socket => void socket.write(POISON.repeat(10))],
    ['half an answer', socket => void socket.write(POISON.slice(0, 40))],
    ['a hint', socket => void socket.write('HTTP/1.1 103 Early Hints\r\n\r\n')],
    ['a byte', socket => void socket.write('x')],
    [
      'a timeout, and a FIN',
      socket => void socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'),
    ],
    ['a FIN', socket => void socket.end()],
    ['a RST', socket => void socket.resetAndDestroy()],
  ])('%s', async (_, say) => {
    on.upstream.reset()
    on.upstream.answer = tellBack
    await Promise.all([askAfterwards(on), askAfterwards(on), askAfterwards(on)])
    const idle = on.upstream.connections.filter(({ closed }) => !closed)
    for (const { socket } of idle) say(socket.setNoDelay(true))
    const closed = await Promise.all(idle.map(isClosed))
    await Promise.all([askAfterwards(on), askAfterwards(on), askAfterwards(on)])
    expect([idle.length > 0, closed.every(Boolean)]).toEqual([true, true])
  })
})

test('while one upstream drips, the others are served', async () => {
  let served = false
  const whole = reply({ body: 'drop by drop' }).toString('latin1')
  const drip = async (socket: Socket) => {
    socket.write(whole.slice(0, 20))
    for (const byte of whole.slice(20)) {
      if (!served) await askAfterwards(on)
      socket.write(byte)
      await sleep(2)
    }
    served = true
  }
  const { answer, body, sent, others } = await answerTo(on, drip)
  expect([answer, body, sent, others]).toEqual(['200', 'drop by drop', 1, SERVED])
})

describe('an answer before the body of the request is whole', () => {
  const EARLY = reply({ headers: { 'X-Told': 'early' }, body: 'early' })
  const BODIES: [string, HeaderList, string, string][] = [
    ['with a length', [['Content-Length', String(5 + INNER.length)]], 'start', INNER],
    [
      'in chunks',
      [['Transfer-Encoding', 'chunked']],
      '5\r\nstart\r\n',
      chunked(INNER).toString('latin1'),
    ],
  ]
  const THEN: [string, (socket: Socket) => void][] = [
    ['and goes on reading', socket => void socket.write(EARLY)],
    ['and closes', socket => void socket.end(EARLY)],
  ]

  describe.each(BODIES)('%s', (_, headers, start, rest) => {
    test.each(THEN)('%s', async (_how, answer) => {
      on.upstream.reset()
      on.upstream.answer = tellBack
      on.upstream.onHead = ({ target }, socket) => {
        if (target === '/open/early') answer(socket.setNoDelay(true))
      }
      const parts = { method: 'POST', target: '/open/early', headers, body: start }
      const heard = await talk(
        on.gateway.port,
        {
          steps: [
            { after: 0, pieces: [request(parts)] },
            { after: 1, pieces: [Buffer.from(rest), behind.bytes(on)] },
          ],
          methods: ['POST', 'GET'],
          answers: 2,
          closes: false,
        },
        () => askAfterwards(on),
      )
      const used = on.upstream.connections.find(({ text }) => text.includes('/open/early'))
      const complete = on.upstream.requests.map(({ target }) => target)
      expect({
        answers: heard.answers.map(told),
        complete,
        givenUp: used && (await isClosed(used)),
      }).toEqual({
        answers: ['200 early', behind.told],
        complete: ['/me?behind', '/me?afterwards'],
        givenUp: true,
      })
    })
  })
})
