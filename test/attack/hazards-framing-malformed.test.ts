import { describe, expect, test } from 'vitest'
import { type HeaderList, type RequestParts, request } from '../support/raw.ts'
import { type Attack, DELIVERIES, expected, INNER, play } from './hazards-play.ts'
import { hazardStage } from './hazards-stage.ts'

/** What two programs could read in two ways is refused among the requests of others, and read no further. */

const on = hazardStage()
const CHUNKED: [string, string] = ['Transfer-Encoding', 'chunked']
const LENGTH: [string, string] = ['Content-Length', String(INNER.length)]
const PREFLIGHT: HeaderList = [
  ['Origin', 'https://app.test'],
  ['Access-Control-Request-Method', 'PUT'],
]
const WEBSOCKET: HeaderList = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
]

type Situation = readonly [name: string, parts: (more: HeaderList) => RequestParts]
const SITUATIONS: readonly Situation[] = [
  ['on a public route', more => ({ method: 'POST', target: '/open/a', headers: more })],
  [
    'with a token',
    more => ({ method: 'POST', target: '/me', headers: more, token: on.token('mallory') }),
  ],
  [
    'in a preflight',
    more => ({ method: 'OPTIONS', target: '/me', headers: [...PREFLIGHT, ...more] }),
  ],
  ['in an upgrade', more => ({ target: '/open/a', headers: [...WEBSOCKET, ...more] })],
  ['where it is refused anyway', more => ({ method: 'POST', target: '/me', headers: more })],
]
const MALFORMED: [string, HeaderList][] = [
  ['a folded field', [['X-A', 'a\r\n X-Dataporten-Userid: forged']]],
  ['a length folded away', [['X-A', `a\r\n\tContent-Length: ${INNER.length}`]]],
  ['a bare LF', [['X-A', 'a\nX-Dataporten-Userid: forged']]],
  ['a bare CR', [['X-A', 'a\rX-Dataporten-Userid: forged']]],
  ['a NUL', [['X-A', 'a\0b']]],
  ['a DEL', [['X-A', '\x7f']]],
  ['a space before the colon', [['X-Dataporten-Userid ', 'forged']]],
  ['a tab before the colon', [['Transfer-Encoding\t', 'chunked']]],
  ['a space in a name', [['X-Dataporten Userid', 'forged']]],
  ['no name', [['', 'forged']]],
  ['a second Host', [['Host', 'gateway.test'], ['Host', 'b'], LENGTH]],
  ['a length beside chunks', [CHUNKED, LENGTH]],
  ['another coding', [['Transfer-Encoding', 'gzip, chunked']]],
  ['two lengths', [LENGTH, ['Content-Length', '0']]],
]

describe.each(SITUATIONS)('%s', (_, parts) => {
  describe.each(MALFORMED)('%s is refused, and the last of its connection', (_name, headers) => {
    test.each(DELIVERIES)('%s', async delivery => {
      const bytes = request({ ...parts(headers), body: `0\r\n\r\n${INNER}` })
      const answers = ['400 request_malformed']
      const row: Attack = { bytes, answers, sent: [], ends: 'by closing' }
      expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
    })
  })
})

/** Behind others it takes their connection down with it, unanswered. */
const ALONE = DELIVERIES.filter(delivery => delivery !== 'between requests of others')
const BROKEN: [string, string][] = [
  ['a size that is none', `G\r\n${INNER}`],
  ['a request for an extension', '5;GET /open/inner HTTP/1.1\r\nhello\r\n0\r\n\r\n'],
  ['a bare LF behind the size', `5\nhello\r\n0\r\n\r\n${INNER}`],
  ['a bare LF for the end', `5\r\nhello\r\n0\r\n\n${INNER}`],
  ['more than the size', `3\r\nhello\r\n0\r\n\r\n${INNER}`],
  ['less than the size', `7\r\nhello\r\n0\r\n\r\n${INNER}`],
  ['a size that wraps', `10000000000000005\r\nhello\r\n0\r\n\r\n${INNER}`],
  ['a trailer with a length', `5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n${INNER}`],
  ['a folded trailer', `5\r\nhello\r\n0\r\nX-A: a\r\n b\r\n\r\n${INNER}`],
  ['a trailer with a bare LF', `5\r\nhello\r\n0\r\nX-A: a\nX-B: b\r\n\r\n${INNER}`],
  ['a trailer with a space', `5\r\nhello\r\n0\r\nX-Dataporten-Userid : f\r\n\r\n${INNER}`],
]

describe.each(BROKEN)('a chunked body with %s makes no request', (_, body) => {
  describe.each(['POST', 'DELETE', 'GET'])('%s', method => {
    test.each(ALONE)('%s', async delivery => {
      const bytes = request({ method, target: '/open/a', headers: [CHUNKED], body })
      const answers = ['400 request_malformed']
      const row: Attack = { bytes, answers, sent: [], ends: 'by closing' }
      expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
    })
  })
})
