import { crc32 } from 'node:zlib'
import type { Fate as Letter } from '../load/origin/words.ts'
import { type Draft, fateOf } from './draft.ts'
import type { Hand } from './hand.ts'
import type { Identity } from './identity.ts'
import type { After, Arrival, Expectation, Piece, Refusal, Shot } from './shot.ts'

/** How a draft becomes bytes, and what must come of them. */

export type Manner = {
  readonly after?: After
  readonly interim?: readonly number[]
  /** Bytes of the body as they are sent, where that is not what the draft says; with their fields. */
  readonly raw?: { readonly fields: string; readonly body: Buffer }
  readonly split?: (bytes: Buffer) => readonly Piece[]
}

const STATUSES: Readonly<Record<string, number>> = {
  created: 201,
  missing: 404,
  failed: 500,
  unusual: 299,
  empty: 204,
  unchanged: 304,
}

/** A request, with what the oracle says of it. */
export function compose(hand: Hand, made: Draft, manner: Manner = {}): Shot {
  const fate = fateOf(hand, made)
  if (fate.kind === 'denied') return refused(hand, made, { codes: [fate.code] }, manner)
  const number = hand.number('f')
  const arrival = arrivalOf(hand, made, number, fate.identity)
  const status = made.method === 'HEAD' ? 200 : (STATUSES[made.wish] ?? 200)
  const expect = { kind: 'served', status, arrival, interim: manner.interim ?? [] } as const
  return shot(hand, made, number, expect, manner)
}

/** One that the gateway must refuse, and the upstream never see. */
export function refused(hand: Hand, made: Draft, refusal: Refusal, manner: Manner = {}): Shot {
  const number = hand.number('r')
  const expect: Expectation = {
    kind: 'refused',
    realm: made.source.id,
    ...(made.hasId && { requestId: number }),
    fromBrowser: made.fields.some(({ name }) => name === 'Origin'),
    ...refusal,
  }
  return shot(hand, made, number, expect, manner)
}

/** One whose caller gets no echo: the upstream says itself what it saw, if anything reaches it. */
export function witnessed(
  hand: Hand,
  made: Draft,
  letter: Letter & ('x' | 'e'),
  expect: Expectation,
  manner: Manner = {},
): Shot {
  const fate = fateOf(hand, made)
  if (fate.kind === 'denied') throw new Error(`${made.kind} must be allowed, not ${fate.code}`)
  const number = hand.number(letter)
  hand.witnessed.set(number, arrivalOf(hand, made, number, fate.identity))
  return shot(hand, made, number, expect, manner)
}

export function shot(
  { random }: Hand,
  made: Draft,
  number: string,
  expect: Expectation,
  manner: Manner,
): Shot {
  const { kind, method } = made
  const bytes = bytesOf(made, number, random.chance(0.5), manner.raw)
  const pieces = manner.split?.(bytes) ?? [bytes]
  return { kind, number, method, pieces, expect, after: manner.after ?? 'keep' }
}

const targetOf = ({ wish, query }: Draft, path: string, number: string): string =>
  `${path}?n=${number}&a=${wish}${query}`

/** @param tokenFirst whether `Authorization` stands before the other fields or behind them */
function bytesOf(made: Draft, number: string, tokenFirst: boolean, raw: Manner['raw']): Buffer {
  const { method, path, host, bearer, fields, body, hasId, version = '1.1' } = made
  const value = made.authorization ?? (bearer && `Bearer ${bearer.text}`)
  const own = value === undefined ? [] : [`Authorization: ${value}\r\n`]
  if (hasId) own.push(`X-Request-Id: ${number}\r\n`)
  const others = fields.map(({ name, value }) => `${name}: ${value}\r\n`)
  const lines = tokenFirst ? [...own, ...others] : [...others, ...own]
  const framed = raw ?? frame(body)
  const line = `${method} ${targetOf(made, path.sent, number)} HTTP/${version}\r\n`
  const head = Buffer.from(
    `${line}Host: ${host}\r\n${lines.join('')}${framed.fields}\r\n`,
    'latin1',
  )
  return framed.body.length === 0 ? head : Buffer.concat([head, framed.body])
}

const NOTHING = Buffer.alloc(0)
const CHUNKED = 'Transfer-Encoding: chunked\r\n'

function frame(body: Draft['body']): { fields: string; body: Buffer } {
  if (body === undefined) return { fields: '', body: NOTHING }
  const { framing, bytes } = body
  if (framing === 'length') return { fields: `Content-Length: ${bytes.length}\r\n`, body: bytes }
  return { fields: CHUNKED, body: inChunks(bytes, Math.max(1, Math.ceil(bytes.length / 3))) }
}

/** @param size bytes of each chunk */
export function inChunks(bytes: Buffer, size: number): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size)
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'))
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

function arrivalOf(hand: Hand, made: Draft, number: string, identity: Identity): Arrival {
  const { source, method, path, host, fields, body, hasId } = made
  const { upstreamHost, basePath } = source
  const named = typeof upstreamHost === 'string' ? undefined : upstreamHost.name
  const own = new Map<string, string | undefined>([
    ['host', named ?? (upstreamHost === 'preserve' ? host : hand.authority)],
    ['x-forwarded-for', '127.0.0.1'],
    ['x-forwarded-proto', 'http'],
    ['x-forwarded-host', host],
    ['x-request-id', hasId ? number : undefined],
    ...identity.map(([name, value]) => [name.toLowerCase(), value] as const),
  ])
  if (made.upgrade) own.set('upgrade', 'websocket')
  const isEmpty = body === undefined || (body.framing === 'length' && body.bytes.length === 0)
  return {
    method,
    target: basePath + targetOf(made, path.arrives, number),
    own,
    passed: fields.flatMap(({ name, value, passes }) => (passes ? [name, value.trim()] : [])),
    framing: isEmpty ? 'none' : body.framing,
    bytes: body?.bytes.length ?? 0,
    crc: body === undefined ? 0 : crc32(body.bytes),
  }
}
