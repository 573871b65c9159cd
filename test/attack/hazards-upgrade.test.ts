import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { type HeaderList, request } from '../support/raw.ts'
import { answerToUpgrade } from './hazards-answer.ts'
import {
  type Attack,
  askAfterwards,
  behind,
  DELIVERIES,
  expected,
  INNER,
  isClosed,
  play,
  told,
} from './hazards-play.ts'
import { hazardStage, tellBack, wireOf } from './hazards-stage.ts'
import { type Step, talk, until } from './hazards-talk.ts'

/** Upgrades go another way through the gateway, and nothing else may get through on it. */

const on = hazardStage()
const KEY: HeaderList = [['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==']]
const UPGRADE: HeaderList = [['Connection', 'Upgrade'], ['Upgrade', 'websocket'], ...KEY]
const UNMIXED = DELIVERIES.filter(delivery => delivery !== 'between requests of others')

describe('a target that two programs could read in two ways is refused', () => {
  const TARGETS = [
    '/open/%2e%2e/admin',
    '/open/.%2E/me',
    '/open\\..\\admin',
    '/\\open/admin',
    '/\\[',
    '//gateway.test/admin',
    '/open/..;/admin',
    '/open/%252e%252e/admin',
    '/open/a#/../admin',
    'http://gateway.test/open/a',
    'http://127.0.0.1:1/open/a',
    'http:/open/a',
  ]
  describe.each(TARGETS)('%s', target => {
    test.each(DELIVERIES)('%s', async delivery => {
      const bytes = request({ target, headers: UPGRADE })
      const row: Attack = { bytes, answers: ['400 path_ambiguous'], sent: [], ends: 'by closing' }
      expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
    })
  })
})

describe('a target is sent on as it came', () => {
  const TARGETS = [
    '/open/a?b=\\[\\..\\admin',
    '/open/a?b=/../../admin&c=%2e%2e//',
    '/open/%5B%5D:1@b?c=[::1]',
    '/open/a?://evil.test/?#'.slice(0, -1),
    '/open/a?',
  ]
  describe.each(TARGETS)('%s', target => {
    test.each(UNMIXED)('%s', async delivery => {
      const row: Attack = {
        bytes: request({ target, headers: UPGRADE }),
        answers: ['101'],
        sent: [{ line: `GET ${target}`, as: 'nobody', passed: KEY, upgrade: true }],
        ends: 'in a tunnel',
      }
      expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
    })
  })
})

/** Connections to the upstream on which something was sent, by what was. */
const received = () =>
  on.upstream.connections
    .map(({ text }) => text.replace(/(X-Request-Id: )[^\r]+/g, '$1…'))
    .filter(text => text !== '')

/** Without connections that wait for their next request. */
async function startAnew(): Promise<void> {
  const { connections } = on.upstream
  on.upstream.cut()
  await until(() => connections.every(({ closed }) => closed))
  on.upstream.reset()
}

describe('what is sent behind an upgrade', () => {
  const upgrade = () => request({ target: '/me', headers: UPGRADE, token: on.token('mallory') })
  const head = () => {
    const wire = wireOf(on, { line: 'GET /me', as: 'mallory', passed: KEY, upgrade: true })
    return `${wire.head.join('\r\n')}\r\n\r\n`
  }
  const WHEN: [string, (bytes: Buffer) => Step[]][] = [
    ['with it', bytes => [{ after: 0, pieces: [Buffer.concat([upgrade(), bytes])] }]],
    [
      'once it is taken up',
      bytes => [
        { after: 0, pieces: [upgrade()] },
        { after: 1, pieces: [bytes] },
      ],
    ],
  ]

  test.each(WHEN)('%s goes through the tunnel alone, and is no request', async (_, steps) => {
    await startAnew()
    on.upstream.answer = tellBack
    const bytes = Buffer.concat([Buffer.from(INNER), behind.bytes(on)])
    const whole = head() + bytes.toString('latin1')
    const words = { steps: steps(bytes), methods: ['GET'], answers: 1, closes: false }
    const arrival = async () => void (await until(() => received()[0]?.length === whole.length))
    const { answers } = await talk(on.gateway.port, words, arrival)
    await askAfterwards(on)
    const [first, ...others] = received()
    expect({ answers: answers.map(told), first, others: others.length }).toEqual({
      answers: ['101'],
      first: whole,
      others: 1,
    })
  })

  test('waits for its answer, and is lost with it', async () => {
    await startAnew()
    on.upstream.answer = seen => (seen.target === '/me' ? undefined : tellBack(seen))
    const pieces = [Buffer.concat([upgrade(), Buffer.from(INNER)])]
    const steps = [
      { after: 0, pieces },
      { after: 0, pieces: [behind.bytes(on)] },
    ]
    const words = { steps, methods: ['GET'], answers: 1, closes: true }
    const heard = talk(on.gateway.port, words)
    await until(() => received().length > 0)
    await askAfterwards(on)
    const [first, ...others] = received()
    on.upstream.cut()
    expect({ first, others: others.length, answers: (await heard).answers.map(told) }).toEqual({
      first: head(),
      others: 1,
      answers: ['502 upstream_unavailable'],
    })
  })
})

describe('a caller that leaves while its upgrade waits ends it at the upstream', () => {
  const leave = async (go: (socket: Socket) => void) => {
    await startAnew()
    on.upstream.answer = () => undefined
    const socket = connect(on.gateway.port, '127.0.0.1')
    socket.on('error', () => {}).write(request({ target: '/open/a', headers: UPGRADE }))
    await until(() => received().length > 0)
    const used = on.upstream.connections.find(({ text }) => text !== '')
    go(socket)
    const closed = used !== undefined && (await isClosed(used))
    on.upstream.cut()
    return closed
  }

  test('by a RST', async () => {
    expect(await leave(socket => void socket.resetAndDestroy())).toBe(true)
  })
  test('by a FIN', async () => {
    expect(await leave(socket => void socket.destroy())).toBe(true)
  })
})

// A limit of Node's HTTP client. No value is lost, and fields of one name keep their order (RFC 9110 §5.3).
test('a limit: the fields of one name stand together in an upgrade, where the first one stood', async () => {
  const fields: HeaderList = [
    ['X-Custom', 'one'],
    ['Cookie', 'a=b'],
    ['x-custom', 'two'],
  ]
  const gathered: HeaderList = [
    ['X-Custom', 'one'],
    ['X-Custom', 'two'],
    ['Cookie', 'a=b'],
  ]
  const row: Attack = {
    bytes: request({ target: '/open/a', headers: [...UPGRADE, ...fields] }),
    answers: ['101'],
    sent: [{ line: 'GET /open/a', as: 'nobody', passed: [...KEY, ...gathered], upgrade: true }],
    ends: 'in a tunnel',
  }
  expect(await play(on, row, 'alone')).toEqual(expected(on, row, 'alone'))
})

test('of an answer to an upgrade no field is dropped', async () => {
  const fields = `HTTP/1.1 403 No\r\n${'a: b\r\n'.repeat(1100)}Set-Cookie: last\r\nContent-Length: 0\r\n\r\n`
  const { headers } = await answerToUpgrade(on, fields)
  expect(headers.slice(-2)).toEqual([
    ['Set-Cookie', 'last'],
    ['Content-Length', '0'],
  ])
})
