import { describe, expect, test } from 'vitest'
import { chunked, type HeaderList, type RequestParts, request } from '../support/raw.ts'
import { type Attack, DELIVERIES, expected, INNER, play } from './hazards-play.ts'
import { hazardStage, type Party, type Sent } from './hazards-stage.ts'

/** Framing tricks among the requests of others: what the caller gets, what the upstream gets. */

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
const EXPECT: [string, string] = ['Expect', '100-continue']
const FORGED: HeaderList = [
  ['X-Dataporten-Userid', 'forged'],
  ['Connection', 'keep-alive, X-Dataporten-Userid'],
]

type More = Partial<Attack> & { readonly as?: Party } & Partial<Sent>

/** One request that goes through, and arrives as said. */
function passes(parts: RequestParts, { as = 'nobody', ends, methods, answers, ...sent }: More) {
  const line = `${parts.method ?? 'GET'} ${parts.target}`
  return (): Attack => ({
    bytes: request({ ...parts, token: as === 'nobody' ? undefined : on.token(as) }),
    answers: answers ?? [`200 ${line} as ${as}`],
    sent: [{ line, as, ...sent } as Sent],
    methods: methods ?? [parts.method ?? 'GET'],
    ...(ends && { ends }),
  })
}
const inner = { framing: 'chunked', body: INNER }
const open = { target: '/open/a', headers: [CHUNKED], body: chunked(INNER) }

const PASSED: [string, () => Attack][] = [
  ['a chunked DELETE', passes({ ...open, method: 'DELETE' }, inner)],
  [
    'a chunked DELETE with a token',
    passes({ ...open, method: 'DELETE', target: '/me' }, { ...inner, as: 'mallory' }),
  ],
  ['a chunked GET of a system', passes({ ...open, target: '/me' }, { ...inner, as: 'bo' })],
  [
    'a chunked preflight',
    passes(
      { ...open, method: 'OPTIONS', target: '/me', headers: [...PREFLIGHT, CHUNKED] },
      { ...inner, passed: PREFLIGHT },
    ),
  ],
  [
    'a chunked upgrade, which is none',
    passes({ ...open, headers: [...WEBSOCKET, CHUNKED] }, { ...inner, ends: 'by closing' }),
  ],
  [
    'an upgrade with a length, which is none',
    passes(
      { ...open, headers: [...WEBSOCKET, LENGTH], body: INNER },
      { framing: LENGTH[1], body: INNER, ends: 'by closing' },
    ),
  ],
  [
    'an upgrade to h2c with a body',
    passes(
      {
        ...open,
        method: 'PUT',
        headers: [
          ['Connection', 'Upgrade, HTTP2-Settings'],
          ['Upgrade', 'h2c'],
          ['HTTP2-Settings', 'AAMAAABk'],
          CHUNKED,
        ],
      },
      { ...inner, ends: 'by closing' },
    ),
  ],
  [
    'a HEAD with a body',
    passes(
      { ...open, method: 'HEAD', headers: [LENGTH], body: INNER },
      { framing: LENGTH[1], body: INNER },
    ),
  ],
  ['a chunked HEAD', passes({ ...open, method: 'HEAD' }, inner)],
  [
    'extensions that look like a request',
    passes(
      {
        ...open,
        method: 'POST',
        body: `5;GET=1;x="/open/inner HTTP/1.1"\r\nhello\r\n1;y\r\n!\r\n0;z\r\n\r\n`,
      },
      { framing: 'chunked', body: 'hello!' },
    ),
  ],
  [
    'trailers that forge an identity',
    passes(
      {
        ...open,
        method: 'POST',
        headers: [CHUNKED, ['Trailer', 'X-Dataporten-Userid']],
        body: '5\r\nhello\r\n0\r\nX-Dataporten-Userid: forged\r\nAuthorization: Bearer forged\r\n\r\n',
      },
      { framing: 'chunked', body: 'hello' },
    ),
  ],
  [
    '1,000 trailers',
    passes(
      {
        ...open,
        method: 'DELETE',
        body: `5\r\nhello\r\n0\r\n${'X-Dataporten-Userid: f\r\n'.repeat(1000)}\r\n`,
      },
      { framing: 'chunked', body: 'hello' },
    ),
  ],
  [
    'Expect with a forged identity',
    passes(
      { target: '/me', method: 'POST', headers: [...FORGED, EXPECT, LENGTH], body: INNER },
      {
        as: 'mallory',
        framing: LENGTH[1],
        body: INNER,
        answers: ['100', '200 POST /me as mallory'],
      },
    ),
  ],
  [
    'Expect with a chunked body',
    passes(
      { ...open, method: 'DELETE', headers: [...FORGED, EXPECT, CHUNKED] },
      { ...inner, answers: ['100', '200 DELETE /open/a as nobody'] },
    ),
  ],
  [
    'Expect of a preflight',
    passes(
      { ...open, method: 'OPTIONS', target: '/me', headers: [...PREFLIGHT, EXPECT, CHUNKED] },
      { ...inner, passed: PREFLIGHT, answers: ['100', '200 OPTIONS /me as nobody'] },
    ),
  ],
  [
    'an Expect that nobody knows',
    passes({ ...open, method: 'PUT', headers: [['Expect', 'smuggling'], CHUNKED] }, inner),
  ],
  [
    'HTTP/1.0 with a body',
    passes(
      { target: '/open/a', method: 'POST', version: 'HTTP/1.0', headers: [LENGTH], body: INNER },
      { framing: LENGTH[1], body: INNER, ends: 'by closing' },
    ),
  ],
  [
    'empty lines before it',
    () => ({
      ...passes({ ...open, method: 'DELETE' }, inner)(),
      bytes: Buffer.concat([Buffer.from('\r\n\r\n'), request({ ...open, method: 'DELETE' })]),
    }),
  ],
]

describe.each(PASSED)('%s is one request', (_, attack) => {
  test.each(DELIVERIES)('%s', async delivery => {
    const row = attack()
    expect(await play(on, row, delivery)).toEqual(expected(on, row, delivery))
  })
})

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
