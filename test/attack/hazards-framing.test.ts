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
