import { compose, inChunks, refused, witnessed } from '../compose.ts'
import { allowedDraft, type Draft } from '../draft.ts'
import type { Hand } from '../hand.ts'
import type { Shot } from '../shot.ts'

/** Bodies whose end two programs could see in two places, with another request hidden behind it. */

const HELLO = '5\r\nhello\r\n0\r\n\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'

/** What no request may say of its body, or of anything. */
const UNREADABLE = [
  `Content-Length: 5\r\n${CHUNKED}`,
  `${CHUNKED}Content-Length: 5\r\n`,
  `${CHUNKED}Content-Length: 0\r\n`,
  'Content-Length: 5\r\nContent-Length: 6\r\n',
  'Content-Length: 5\r\nContent-Length: 5\r\n',
  'Content-Length: 5, 5\r\n',
  'Content-Length: +5\r\n',
  'Content-Length: -5\r\n',
  'Content-Length: 0x5\r\n',
  'Content-Length: 5.0\r\n',
  'Content-Length: \r\n',
  'Content-Length: 18446744073709551621\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding: chunked, gzip\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: chunked, chunked\r\n',
  `${CHUNKED}${CHUNKED}`,
  'Transfer-Encoding: \x0bchunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding:\r\n chunked\r\n',
  'Content-Length : 5\r\n',
  'X-A: a\r\n b\r\nContent-Length: 5\r\n',
  'X-A: a\nTransfer-Encoding: chunked\r\n',
  'X-A: a\rX-Dataporten-Userid: b\r\n',
  'X-A: a\0b\r\n',
  'X A: b\r\n',
  ': b\r\n',
]

const smuggled = (hand: Hand): string =>
  `GET /admin?n=${hand.number('r')} HTTP/1.1\r\nHost: grades.test\r\nX-Dataporten-Userid: forged\r\n\r\n`

/** One that may have a body, from whom it may. */
const made = (hand: Hand, kind: string, method = 'POST'): Draft =>
  allowedDraft(hand, kind, { method, hasId: false, fields: [] })

export function unreadable(hand: Hand): Shot {
  const fields = hand.random.pick(UNREADABLE)
  const raw = { fields, body: Buffer.from(HELLO + smuggled(hand), 'latin1') }
  const codes = ['request_malformed']
  return refused(hand, made(hand, 'ambiguous framing'), { codes }, { raw, after: 'closes' })
}

/** No HTTP, or of another time. */
const NO_HTTP = [
  'GET /open/a HTTP/1.1\nHost: x\n\n',
  'GET /open/a HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n',
  'GET /open/a\r\nHost: x\r\n\r\n',
  'GET /open/a HTTP/9.9\r\nHost: x\r\n\r\n',
  'GET\t/open/a HTTP/1.1\r\nHost: x\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
]

export function noHttp(hand: Hand): Shot {
  return {
    kind: 'no HTTP',
    number: hand.number('r'),
    method: 'GET',
    pieces: [Buffer.from(hand.random.pick(NO_HTTP), 'latin1')],
    expect: { kind: 'refused', codes: ['request_malformed'] },
    after: 'closes',
  }
}

const BROKEN_CHUNKS = [
  'zz\r\nhello\r\n0\r\n\r\n',
  '3\r\nhello\r\n0\r\n\r\n',
  '+5\r\nhello\r\n0\r\n\r\n',
  '5\nhello\r\n0\r\n\r\n',
  '-1\r\n\r\n',
  'fffffffffffffffff\r\nhello\r\n0\r\n\r\n',
]

export function brokenChunks(hand: Hand): Shot {
  const body = Buffer.from(hand.random.pick(BROKEN_CHUNKS) + smuggled(hand))
  const expect = { kind: 'refused', codes: ['request_malformed'] } as const
  const draft: Draft = { ...made(hand, 'broken chunks'), body: CHUNKED_BODY }
  return witnessed(hand, draft, 'e', expect, { raw: { fields: CHUNKED, body }, after: 'closes' })
}

const CHUNKED_BODY = { bytes: Buffer.alloc(0), framing: 'chunked' } as const

/** Unusual, but there is one way to read it: with a body that looks like a request. */
export function disguised(hand: Hand): Shot {
  const { random } = hand
  const bytes = Buffer.from(
    smuggled(hand) + hand.bytes.toString('latin1', 0, random.below(300)),
    'latin1',
  )
  const method = random.pick(['POST', 'DELETE', 'OPTIONS', 'PUT', 'GET'])
  const framing = random.pick(['length', 'chunked'] as const)
  const draft: Draft = { ...made(hand, 'a request in a body', method), body: { bytes, framing } }
  if (framing === 'length') return compose(hand, draft)
  return compose(hand, draft, { raw: { fields: CHUNKED, body: random.pick(CODINGS)(bytes) } })
}

const CODINGS: readonly ((bytes: Buffer) => Buffer)[] = [
  bytes => inChunks(bytes, bytes.length),
  bytes => inChunks(bytes, 1),
  // Extensions mean nothing to anyone (RFC 9112 §7.1.1).
  bytes => chunk(`${bytes.length.toString(16)};ext="a b"`, bytes),
  bytes => chunk(bytes.length.toString(16).toUpperCase().padStart(8, '0'), bytes),
]

const chunk = (size: string, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${size}\r\n`), bytes, Buffer.from('\r\n0\r\n\r\n')])
