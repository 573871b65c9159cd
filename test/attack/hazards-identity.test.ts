import { describe, expect, test } from 'vitest'
import { type HeaderList, type RequestParts, request } from '../support/raw.ts'
import { FORGERIES } from './hazards-forgeries.ts'
import { type Attack, DELIVERIES, expected, play } from './hazards-play.ts'
import { hazardStage, type Party, type Sent } from './hazards-stage.ts'

/** Forged identities among the requests of others: every request arrives as its own token says. */

const on = hazardStage()
/** Before and behind what is forged: it goes on as it came, and in order. */
const INNOCENT: [HeaderList, HeaderList] = [
  [
    ['X-Custom', 'one'],
    ['Cookie', 'a=b'],
  ],
  [['X-Other', 'two']],
]
type Situation = {
  readonly parts: RequestParts
  readonly as: Party
  /** What goes on besides the innocent ones. */
  readonly passed?: HeaderList
  readonly more?: Partial<Attack> & Partial<Sent>
}
const PREFLIGHT: HeaderList = [
  ['Origin', 'https://app.test'],
  ['Access-Control-Request-Method', 'GET'],
]
const KEY: HeaderList = [
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
]
const UPGRADE: HeaderList = [['Connection', 'Upgrade'], ['Upgrade', 'websocket'], ...KEY]
const LENGTH: HeaderList = [['Content-Length', '5']]
const CHUNKED: HeaderList = [['Transfer-Encoding', 'chunked']]
const TRAILERS = '5\r\nhello\r\n0\r\nX-Dataporten-Userid: forged\r\nX_User_Name: forged\r\n\r\n'

const HELLO = { body: 'hello', framing: '5' }
const SITUATIONS: [string, () => Situation][] = [
  ['a user', () => ({ as: 'mallory', parts: { target: '/me' } })],
  ['a system', () => ({ as: 'bo', parts: { target: '/me' } })],
  ['nobody on a public route', () => ({ as: 'nobody', parts: { target: '/open/a' } })],
  ['a user on a public route', () => ({ as: 'mallory', parts: { target: '/open/a' } })],
  [
    'a body',
    () => ({
      as: 'mallory',
      parts: { method: 'POST', target: '/me', headers: LENGTH, body: 'hello' },
      more: HELLO,
    }),
  ],
  [
    'a body with trailers',
    () => ({
      as: 'bo',
      parts: { method: 'DELETE', target: '/me', headers: CHUNKED, body: TRAILERS },
      more: { body: 'hello', framing: 'chunked' },
    }),
  ],
  [
    'Expect',
    () => ({
      as: 'nobody',
      parts: {
        method: 'PUT',
        target: '/open/a',
        headers: [['Expect', '100-continue'], ...LENGTH],
        body: 'hello',
      },
      more: { ...HELLO, answers: ['100', '200 PUT /open/a as nobody'] },
    }),
  ],
  [
    'a preflight',
    () => ({
      as: 'nobody',
      parts: { method: 'OPTIONS', target: '/me', headers: PREFLIGHT },
      passed: PREFLIGHT,
    }),
  ],
  [
    'a preflight with somebody else’s token',
    () => ({
      as: 'nobody',
      parts: { method: 'OPTIONS', target: '/me', headers: PREFLIGHT, token: on.token('cleo') },
      passed: PREFLIGHT,
    }),
  ],
]

function attackOf({ parts, as, passed = [], more = {} }: Situation, forgery: HeaderList): Attack {
  const line = `${parts.method ?? 'GET'} ${parts.target}`
  const [ahead, behind] = INNOCENT
  const own = (parts.headers ?? []) as HeaderList
  const token = parts.token ?? (as === 'nobody' ? undefined : on.token(as))
  const { answers = [`200 ${line} as ${as}`], ends, ...sent } = more
  return {
    bytes: request({ ...parts, headers: [...ahead, ...own, ...forgery, ...behind], token }),
    answers,
    sent: [{ ...sent, line, as, passed: [...ahead, ...passed, ...behind] } as Sent],
    ...(ends && { ends }),
  }
}

describe.each(SITUATIONS)('%s, with an identity forged', (_, situation) => {
  describe.each(FORGERIES)('%s', (_name, forgery) => {
    test.each(DELIVERIES)('%s', async delivery => {
      const row = attackOf(situation(), forgery)
      expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
    })
  })
})

describe('an upgrade, with an identity forged', () => {
  const more = { answers: ['101'], upgrade: true, ends: 'in a tunnel' } as const
  const upgrades: [string, Situation][] = [
    ['of a user', { as: 'mallory', parts: { target: '/me', headers: UPGRADE }, passed: KEY, more }],
    [
      'of nobody',
      { as: 'nobody', parts: { target: '/open/a', headers: UPGRADE }, passed: KEY, more },
    ],
  ]
  const ROOM = DELIVERIES.filter(delivery => delivery !== 'between requests of others')

  describe.each(upgrades)('%s', (_, situation) => {
    describe.each(FORGERIES)('%s', (_name, forgery) => {
      test.each(ROOM)('%s', async delivery => {
        const row = attackOf(situation, forgery)
        expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
      })

      test('behind a request that waits, which makes it a plain one', async () => {
        const plain = { ends: 'by closing' } as const
        const row = attackOf({ ...situation, more: plain }, forgery)
        const delivery = 'between requests of others'
        expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
      })
    })
  })
})

describe.each(FORGERIES)(
  'a refused request leaves nothing behind of an identity forged %s',
  (_, forgery) => {
    const REFUSED: [string, string, () => RequestParts][] = [
      ['without a token', '401 token_missing', () => ({ target: '/me' })],
      [
        'without a scope',
        '403 scope_missing',
        () => ({ target: '/admin', token: on.token('mallory') }),
      ],
      [
        'without a route',
        '404 route_unknown',
        () => ({ target: '/nothing', token: on.token('mallory') }),
      ],
    ]
    describe.each(REFUSED)('%s', (_name, answer, parts) => {
      test.each(DELIVERIES)('%s', async delivery => {
        const bytes = request({ ...parts(), headers: forgery })
        const row: Attack = { bytes, answers: [answer], sent: [] }
        expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
      })
    })
  },
)
