import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { chunked } from '../support/raw.ts'
import { type HeaderList, headerValues } from '../support/wire.ts'
import { afterwards, behind, INNER, type Outcome, outcomeOf } from './hazards-play.ts'
import { hazardStage, type Party, type Sent, wireOf } from './hazards-stage.ts'
import { crumbs } from './hazards-talk.ts'
import { type Read, readStrictly } from './hazards-wire.ts'

/**
 * Every spelling of Content-Length with every one of Transfer-Encoding, before bodies that look like
 * requests: what a strict reader of RFC 9112 finds in the stream is what is answered and sent on.
 */

const on = hazardStage()
const CHUNKED = chunked(INNER).toString('latin1')

type Spelling = readonly [name: string, field: (length: number) => string]
const LENGTHS: readonly Spelling[] = [
  ['no Content-Length', () => ''],
  ['the length', n => `Content-Length: ${n}\r\n`],
  ['white space around the length', n => `content-length:\t ${n} \t\r\n`],
  ['zeros before the length', n => `CONTENT-LENGTH:000${n}\r\n`],
  ['no length at all', () => 'Content-Length: 0\r\n'],
  ['too short a length', () => 'Content-Length: 4\r\n'],
  ['too long a length', n => `Content-Length: ${n + 10}\r\n`],
  ['a sign', n => `Content-Length: +${n}\r\n`],
  ['a negative length', n => `Content-Length: -${n}\r\n`],
  ['a hexadecimal length', n => `Content-Length: 0x${n.toString(16)}\r\n`],
  ['an exponent', n => `Content-Length: ${n}e0\r\n`],
  ['a list', n => `Content-Length: ${n}, ${n}\r\n`],
  ['nothing for a length', () => 'Content-Length:\r\n'],
  ['a length beyond 64 bits', n => `Content-Length: ${2n ** 64n + BigInt(n)}\r\n`],
  ['the length twice', n => `Content-Length: ${n}\r\nX-A: b\r\ncontent-length: ${n}\r\n`],
  ['two lengths', n => `Content-Length: ${n}\r\nContent-Length: 0\r\n`],
  ['a space before the colon', n => `Content-Length : ${n}\r\n`],
  ['a folded length', n => `Content-Length:\r\n ${n}\r\n`],
  ['an underscore', n => `Content_Length: ${n}\r\n`],
  ['a length behind a bare LF', n => `X-A: b\nContent-Length: ${n}\r\n`],
]
const CODINGS: readonly Spelling[] = [
  ['no Transfer-Encoding', () => ''],
  ['chunked', () => 'Transfer-Encoding: chunked\r\n'],
  ['chunked in capitals, with white space', () => 'TRANSFER-ENCODING:\t CHUNKED  \r\n'],
  ['chunked twice', () => 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'],
  ['chunked last', () => 'Transfer-Encoding: gzip, chunked\r\n'],
  ['chunked first', () => 'Transfer-Encoding: chunked, gzip\r\n'],
  ['an empty member of the list', () => 'Transfer-Encoding: chunked,\r\n'],
  ['identity', () => 'Transfer-Encoding: identity\r\n'],
  ['an unknown coding', () => 'Transfer-Encoding: xchunked\r\n'],
  ['a parameter', () => 'Transfer-Encoding: chunked;q=1\r\n'],
  ['a vertical tab', () => 'Transfer-Encoding: \x0bchunked\r\n'],
  ['nothing for a coding', () => 'Transfer-Encoding:\r\n'],
  ['a space before the colon', () => 'Transfer-Encoding : chunked\r\n'],
  ['a folded coding', () => 'Transfer-Encoding:\r\n\tchunked\r\n'],
  ['an underscore', () => 'Transfer_Encoding: chunked\r\n'],
  ['a coding behind a bare CR', () => 'X-A: b\rTransfer-Encoding: chunked\r\n'],
  ['a TE instead', () => 'TE: chunked\r\n'],
]
/** Each with its length as a body. */
const BODIES: readonly (readonly [string, number])[] = [
  [INNER, INNER.length],
  [CHUNKED, CHUNKED.length],
  [`0\r\n\r\n${INNER}`, 5],
]

type Situation = {
  readonly method: string
  readonly target: string
  readonly fields?: string
  readonly as?: Party
}
const SITUATIONS: readonly Situation[] = [
  ...['POST', 'GET', 'DELETE', 'HEAD', 'OPTIONS', 'PUT', 'PROPFIND'].map(method => ({
    method,
    target: '/open/a',
  })),
  { method: 'PATCH', target: '/me', as: 'mallory' },
  { method: 'POST', target: '/me' },
  {
    method: 'OPTIONS',
    target: '/me',
    fields: 'Origin: https://app.test\r\nAccess-Control-Request-Method: PUT\r\n',
  },
  { method: 'GET', target: '/open/a', fields: 'Connection: Upgrade\r\nUpgrade: websocket\r\n' },
]

type Case = {
  readonly method: string
  readonly bytes: string
  /** Counts the cases, for what takes turns with them. */
  readonly at: number
}

/** All bodies; the situations take turns, so that every pair of fields meets several. */
function casesOf(length: Spelling, coding: Spelling): Case[] {
  const first = LENGTHS.indexOf(length) * 5 + CODINGS.indexOf(coding) * 3
  return BODIES.map(([body, size], index) => {
    const at = first + index
    const framing = [length[1](size), coding[1](size)]
    const hasBody = /^(content-length|transfer-encoding):/im.test(framing.join(''))
    const { method, target, fields = '', as } = situationAt(at, hasBody)
    const bearer = as === undefined ? '' : `Authorization: Bearer ${on.token(as)}\r\n`
    const order = [fields, ...(at % 2 === 0 ? framing : framing.toReversed())].join('')
    const head = `${method} ${target} HTTP/1.1\r\nHost: gateway.test\r\n${bearer}${order}\r\n`
    return { method, bytes: head + body, at }
  })
}

/** Without a body an upgrade would be taken up: another table's matter. */
function situationAt(at: number, hasBody: boolean): Situation {
  const usual = SITUATIONS.filter(({ fields = '' }) => hasBody || !fields.includes('websocket'))
  return usual[at % usual.length] as Situation
}

const EMPTY_LINES = /^[\r\n]*/

/** What must come of a stream: a strict reader says which requests there are, the policy does the rest. */
function impliedBy(stream: string): Outcome {
  const { requests, begun, end } = readStrictly(stream, EMPTY_LINES)
  const upgrade = requests.findIndex(({ headers }) => headerValues(headers, 'upgrade').length > 0)
  // Whoever asked for an upgrade and got none is answered, and no further.
  const decided = requests.slice(0, upgrade < 0 ? requests.length : upgrade + 1).map(decide)
  const isOver = upgrade >= 0 && upgrade < requests.length
  const last = begun === undefined || isOver ? undefined : decide(begun)
  const ofLast = last !== undefined && last.sent === undefined ? [last.told] : []
  const isMalformed = end === 'malformed' && !isOver
  const malformed = isMalformed && ofLast.length === 0 ? ['400 request_malformed'] : []
  const sent = decided.flatMap(one => (one.sent ? [wireOf(on, one.sent)] : []))
  return {
    answers: [...decided.map(one => one.told), ...ofLast, ...malformed],
    closed: isMalformed || isOver,
    sent: [...sent, wireOf(on, afterwards.sent)],
    connections: 'sound',
  }
}

type Decision = { readonly told: string; readonly sent?: Sent }

function decide({ line, headers, body }: Read): Decision {
  const [bearer] = headerValues(headers, 'authorization')
  const as = (['mallory', 'bo'] as const).find(one => bearer === `Bearer ${on.token(one)}`)
  const passed = headers.filter(([name]) => /^(origin|access-control-.*|x-a)$/i.test(name))
  const isPreflight = passed.some(([name]) => name === 'Origin')
  if (line.includes(' /me') && as === undefined && !isPreflight) {
    return { told: '401 token_missing' }
  }
  const who = as ?? 'nobody'
  const asked = line.slice(0, -' HTTP/1.1'.length)
  const framing = framingOf(headers, body)
  return {
    told: `200 ${asked} as ${who}`,
    sent: { line: asked, as: who, passed, body, framing },
  }
}

function framingOf(headers: HeaderList, body: string): string | undefined {
  if (body === '') return undefined
  return headerValues(headers, 'transfer-encoding').length > 0 ? 'chunked' : String(body.length)
}

/** In one segment, byte by byte, or cut in two at the end of the head. */
function piecesOf({ bytes, at }: Case, last: Buffer): Buffer[] {
  const whole = Buffer.concat([Buffer.from(bytes, 'latin1'), last])
  if (at % 3 === 0) return [whole]
  if (at % 3 === 1) return [...crumbs(whole.subarray(0, bytes.length)), last]
  const middle = bytes.indexOf('\r\n\r\n') + 2 + (at % 7)
  return [whole.subarray(0, middle), whole.subarray(middle)]
}

/** Where a refused body ends in what is no request, nobody answers before the connection is idle. */
const isLeftWaiting = ({ answers }: Outcome) => /^401 .*,400 /.test(answers.join())

/** What may differ: the framing of an empty body, and the body of an answer to a malformed HEAD. */
function comparable(outcome: Outcome, method: string) {
  const framing = /^(content-length: 0|transfer-encoding: chunked)$/i
  return {
    ...outcome,
    answers: outcome.answers.map(one => (method === 'HEAD' ? one.replace(/^(4..).*/, '$1') : one)),
    sent: outcome.sent.map(({ head, body }) => ({
      head: head.filter(line => body !== '' || !framing.test(line)),
      body,
    })),
  }
}

describe.each(LENGTHS.map(length => [length[0], length] as const))('%s', (_, length) => {
  const rows = CODINGS.map(coding => [coding[0], coding] as const)
  test.each(rows)('and %s', async (_name, coding) => {
    const last = behind.bytes(on)
    const mistakes: unknown[] = []
    for (const one of casesOf(length, coding)) {
      const implied = impliedBy(one.bytes + last.toString('latin1'))
      if (isLeftWaiting(implied)) continue
      const outcome = await outcomeOf(on, {
        steps: [{ after: 0, pieces: piecesOf(one, last) }],
        methods: [one.method],
        answers: implied.answers.length,
        closes: implied.closed,
      })
      const [got, wanted] = [outcome, implied].map(each => comparable(each, one.method))
      if (!isDeepStrictEqual(got, wanted)) mistakes.push({ bytes: one.bytes, got, wanted })
    }
    expect(mistakes).toEqual([])
  })
})
