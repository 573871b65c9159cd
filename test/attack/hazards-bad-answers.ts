import { chunked, type HeaderList } from '../support/raw.ts'
import type { Says } from './hazards-answer.ts'

/** Answers that an upstream should not give. */

export const OK = 'HTTP/1.1 200 OK\r\n'
export const END = 'Content-Length: 2\r\n\r\nok'
export const LENGTH: HeaderList = [['Content-Length', '2']]
export const POISON = 'HTTP/1.1 200 OK\r\nX-Told: poison\r\nContent-Length: 6\r\n\r\npoison'
export const CHUNKS = `${OK}Transfer-Encoding: chunked\r\n\r\n`
const many = (count: number) => Array.from({ length: count }, (_, at) => `X-${at}: v\r\n`).join('')

/** No answer at all, as HTTP sees it. */
export const REFUSED: [string, string][] = [
  ['a folded field', `${OK}X-A: a\r\n b\r\n${END}`],
  ['a length folded away', `${OK}X-A: a\r\n Content-Length: 9\r\n${END}`],
  ['a fold before the first field', `${OK} X-A: a\r\n${END}`],
  ['bare LFs', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
  ['a bare LF that hides a field', `${OK}X-A: a\nSet-Cookie: b=c\r\n${END}`],
  ['a bare LF at the end of the head', `${OK}Content-Length: 2\r\n\nok`],
  ['a bare CR that hides a field', `${OK}X-A: a\rSet-Cookie: b=c\r\n${END}`],
  ['a NUL in a field', `${OK}X-A: a\0b\r\n${END}`],
  ['an ESC in a field', `${OK}X-A: a\x1bb\r\n${END}`],
  ['a DEL in a field', `${OK}X-A: a\x7fb\r\n${END}`],
  ['a control character in a name', `${OK}X\x01A: a\r\n${END}`],
  ['a space in a name', `${OK}X A: a\r\n${END}`],
  ['a space before a colon', `${OK}Content-Length : 2\r\n\r\nok`],
  ['no colon', `${OK}X-A\r\n${END}`],
  ['no name', `${OK}: a\r\n${END}`],
  [
    'a length beside chunks',
    `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n${chunked('ok')}`,
  ],
  [
    'chunks beside a length',
    `${OK}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n${chunked('ok')}`,
  ],
  ['the length twice', `${OK}Content-Length: 2\r\n${END}`],
  ['two lengths', `${OK}Content-Length: 1\r\n${END}`],
  ['a list of lengths', `${OK}Content-Length: 2, 2\r\n\r\nok`],
  ['a length with a sign', `${OK}Content-Length: +2\r\n\r\nok`],
  ['a negative length', `${OK}Content-Length: -2\r\n\r\nok`],
  ['a length beyond 64 bits', `${OK}Content-Length: 18446744073709551618\r\n\r\nok`],
  ['another coding', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n${chunked('ok')}`],
  ['an unknown coding', `${OK}Transfer-Encoding: xchunked\r\n\r\n${chunked('ok')}`],
  ['status 000', `HTTP/1.1 000 OK\r\n${END}`],
  ['status 099', `HTTP/1.1 099 OK\r\n${END}`],
  ['status 20', `HTTP/1.1 20 OK\r\n${END}`],
  ['status 1000', `HTTP/1.1 1000 OK\r\n${END}`],
  ['a negative status', `HTTP/1.1 -200 OK\r\n${END}`],
  ['a status in words', `HTTP/1.1 abc OK\r\n${END}`],
  ['a CR in the reason', `HTTP/1.1 200 O\rK\r\n${END}`],
  ['a field behind a CR in the reason', `HTTP/1.1 200 OK\rSet-Cookie: a=b\r\n${END}`],
  ['a version in small letters', `http/1.1 200 OK\r\n${END}`],
  ['a version that there is not', `HTTP/1.2 200 OK\r\n${END}`],
  ['no version at all', 'ok'.repeat(10)],
  ['something before the version', `x${OK}${END}`],
  ['101 unasked', `HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${POISON}`],
  ['101 without a protocol', `HTTP/1.1 101 Go\r\n\r\n${POISON}`],
  ['101 behind a hint', `HTTP/1.1 103 Hint\r\n\r\nHTTP/1.1 101 Go\r\n\r\n${POISON}`],
  ['a head beyond 64 KiB', `${OK}X-A: ${'v'.repeat(66_000)}\r\n${END}`],
  ['many fields beyond 64 KiB', `${OK}${many(4000).replaceAll('v', 'v'.repeat(16))}${END}`],
]

type Passed = { readonly answer?: string; readonly headers?: HeaderList; readonly body?: string }
export const SET_COOKIES: HeaderList = [
  ['Set-Cookie', 'a=1; Path=/'],
  ['Vary', 'Origin'],
  ['set-cookie', 'b=2'],
  ['Set-Cookie', 'a=1; Path=/'],
]
export const written = (fields: HeaderList) =>
  fields.map(field => `${field.join(': ')}\r\n`).join('')
/** Unusual, but an answer: what of it goes on; where nothing is said, 200 and `ok`. */
export const PASSED: [string, string, Passed][] = [
  [
    '1,000 hints before it',
    `${'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(1000)}${OK}${END}`,
    {},
  ],
  [
    '1xx of all kinds before it',
    `HTTP/1.1 102 P\r\n\r\nHTTP/1.1 104 P\r\n\r\nHTTP/1.1 199 P\r\n\r\n${OK}${END}`,
    {},
  ],
  ['100 unasked', `HTTP/1.1 100 Continue\r\n\r\n${OK}${END}`, {}],
  ['a hint with a length', `HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n${OK}${END}`, {}],
  [
    'a hint in chunks',
    `HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n${OK}${END}`,
    {},
  ],
  [
    'a hint that sets a cookie',
    `HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=b\r\n\r\n${OK}${END}`,
    {},
  ],
  ['status 600', `HTTP/1.1 600 X\r\n${END}`, { answer: '600' }],
  ['status 999', `HTTP/1.1 999 X\r\n${END}`, { answer: '999' }],
  ['a NUL in the reason', `HTTP/1.1 200 O\0K\r\n${END}`, {}],
  ['an ESC in the reason', `HTTP/1.1 200 O\x1b[31mK\r\n${END}`, {}],
  [
    'a reason that folds to a line break',
    `HTTP/1.1 200 O\xc4\x8d\xc4\x8aSet-Cookie: a=b\r\n${END}`,
    {},
  ],
  ['no reason', `HTTP/1.1 200\r\n${END}`, {}],
  [
    'a field that folds to a line break',
    `${OK}X-A: a\xc4\x8d\xc4\x8aSet-Cookie: b\r\n${END}`,
    { headers: [['X-A', 'a\xc4\x8d\xc4\x8aSet-Cookie: b'], ...LENGTH] },
  ],
  ['cookies', `${OK}${written(SET_COOKIES)}${END}`, { headers: [...SET_COOKIES, ...LENGTH] }],
  [
    'fields of one hop',
    `${OK}Keep-Alive: timeout=99\r\nProxy-Connection: close\r\nProxy-Authenticate: Basic\r\nTE: trailers\r\nTrailer: X-A\r\nUpgrade: h2c\r\nX-B: c\r\n${END}`,
    { headers: [['X-B', 'c'], ...LENGTH] },
  ],
  [
    'fields named in Connection',
    `${OK}Connection: keep-alive, Set-Cookie\r\nSet-Cookie: a\r\nX-Hop: 1\r\nconnection: x-hop,,X-None\r\nX-B: c\r\n${END}`,
    { headers: [['X-B', 'c'], ...LENGTH] },
  ],
  [
    'its framing named in Connection',
    `${OK}Connection: Content-Length, Date, X-Request-Id, Content-Type\r\nContent-Type: a/b\r\n${END}`,
    { headers: [['Content-Type', 'a/b'], ...LENGTH] },
  ],
  ['ids of a request', `${OK}X-Request-Id: a\r\nX-Request-Id: b\r\n${END}`, {}],
  [
    'trailers',
    `${CHUNKS}2\r\nok\r\n0\r\nSet-Cookie: a=b\r\nX-Request-Id: c\r\n\r\n`,
    { headers: [] },
  ],
  ['1,000 trailers', `${CHUNKS}2\r\nok\r\n0\r\n${many(1000)}\r\n`, { headers: [] }],
  [
    'extensions of chunks',
    `${CHUNKS}1;HTTP=1\r\no\r\n1;a="b c"\r\nk\r\n0;d\r\n\r\n`,
    { headers: [] },
  ],
  [
    'chunked twice',
    `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${chunked('ok')}`,
    { headers: [] },
  ],
  [
    '3,000 fields',
    `${OK}${many(3000)}${END}`,
    {
      headers: [
        ...Array.from({ length: 3000 }, (_, at): [string, string] => [`X-${at}`, 'v']),
        ...LENGTH,
      ],
    },
  ],
  [
    'a large field',
    `${OK}X-A: ${'v'.repeat(60_000)}\r\n${END}`,
    { headers: [['X-A', 'v'.repeat(60_000)], ...LENGTH] },
  ],
  [
    'zeros before its length',
    `${OK}Content-Length: 0002\r\n\r\nok`,
    { headers: [['Content-Length', '0002']] },
  ],
  ['version 1.0 and kept alive', `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${END}`, {}],
  ['empty lines before it', `\r\n\r\n${OK}${END}`, {}],
]

/** In mid-body: bytes that are no body, or too few of them. */
export const CUT: [string, Says][] = [
  ['a chunk size that is none', `${CHUNKS}2\r\nok\r\nG\r\n`],
  ['a chunk size that wraps', `${CHUNKS}2\r\nok\r\n10000000000000002\r\nok\r\n0\r\n\r\n`],
  ['a bare LF behind a chunk size', `${CHUNKS}2\nok\r\n0\r\n\r\n`],
  ['a chunk longer than its size', `${CHUNKS}1\r\nok\r\n0\r\n\r\n`],
  ['a chunk shorter than its size', `${CHUNKS}3\r\nok\r\n0\r\n\r\n`],
  ['a trailer that is none', `${CHUNKS}2\r\nok\r\n0\r\nSet Cookie: a\r\n\r\n`],
  ['a folded trailer', `${CHUNKS}2\r\nok\r\n0\r\nX-A: a\r\n b\r\n\r\n`],
  ['endless trailers', `${CHUNKS}2\r\nok\r\n0\r\nX-A: ${'v'.repeat(100_000)}\r\n\r\n`],
  [
    'a length beyond all that can be counted',
    socket => void socket.end(`${OK}Content-Length: 9007199254740993\r\n\r\nok`),
  ],
]
