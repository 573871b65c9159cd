import { describe, expect, test } from 'vitest'
import { AnswerParser } from '../../gateway/upstream/parser.ts'

type Read = {
  readonly head: readonly unknown[] | undefined
  readonly body: string
  readonly complete: boolean
  readonly keepAlive: boolean
  readonly fault: string | undefined
}

/** What a parser makes of an answer that comes in these pieces. */
function readAll(pieces: readonly string[], { bodiless = false, ends = false } = {}): Read {
  const parser = new AnswerParser()
  parser.expect(bodiless)
  let body = ''
  for (const piece of pieces) {
    parser.read(Buffer.from(piece, 'latin1'))
    body += Buffer.concat(parser.chunks).toString('latin1')
    parser.chunks.length = 0
  }
  if (ends) parser.end()
  const { answer, isComplete: complete, keepAlive, fault } = parser
  parser.free()
  const head = answer && [answer.status, answer.reason, ...answer.headers]
  return { head, body, complete, keepAlive: complete && keepAlive, fault }
}

const OK = 'HTTP/1.1 200 OK\r\n'
const WHOLE = { complete: true, keepAlive: true, fault: undefined }

const ANSWERS: readonly (readonly [string, string, Partial<Read>])[] = [
  [
    'with a length',
    `${OK}Content-Length: 2\r\n\r\nok`,
    { head: [200, 'OK', 'Content-Length', '2'], body: 'ok' },
  ],
  [
    'in chunks, with trailers',
    `${OK}Transfer-Encoding: chunked\r\n\r\n1;a=b\r\no\r\n1\r\nk\r\n0\r\nX-A: b\r\n\r\n`,
    { head: [200, 'OK', 'Transfer-Encoding', 'chunked'], body: 'ok' },
  ],
  [
    'with empty values, and names in every case',
    `${OK}X-Empty:\r\nx-EMPTY: \r\nContent-Length: 0\r\nX-Last:\r\n\r\n`,
    { head: [200, 'OK', 'X-Empty', '', 'x-EMPTY', '', 'Content-Length', '0', 'X-Last', ''] },
  ],
  [
    'with white space around values',
    `${OK}X-A: \t b c \xa0 \t\r\nX-B: \t\r\nTransfer-Encoding: chunked \r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    {
      head: [200, 'OK', 'X-A', 'b c \xa0', 'X-B', '', 'Transfer-Encoding', 'chunked'],
      body: 'ok',
    },
  ],
  [
    'with bytes beyond ASCII',
    `HTTP/1.1 299 J\xf8ss\r\nX-A: \xc3\xa6\r\nContent-Length: 0\r\n\r\n`,
    { head: [299, 'J\xf8ss', 'X-A', '\xc3\xa6', 'Content-Length', '0'] },
  ],
  [
    'behind interim ones',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n${OK}Content-Length: 1\r\n\r\nx`,
    { head: [200, 'OK', 'Content-Length', '1'], body: 'x' },
  ],
  [
    'without a reason',
    'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
    { head: [200, '', 'Content-Length', '0'] },
  ],
  ['204', 'HTTP/1.1 204 None\r\n\r\n', { head: [204, 'None'] }],
  ['304', 'HTTP/1.1 304 Same\r\nETag: a\r\n\r\n', { head: [304, 'Same', 'ETag', 'a'] }],
  [
    '304 with the length of what it does not send: nothing may follow',
    'HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n',
    { head: [304, 'Same', 'Content-Length', '5'], keepAlive: false },
  ],
  [
    '204 with a coding: nothing may follow',
    'HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n',
    { head: [204, 'None', 'Transfer-Encoding', 'chunked'], keepAlive: false },
  ],
  [
    'that closes',
    `${OK}Connection: close\r\nContent-Length: 1\r\n\r\nx`,
    {
      head: [200, 'OK', 'Connection', 'close', 'Content-Length', '1'],
      body: 'x',
      keepAlive: false,
    },
  ],
]

describe('an answer', () => {
  test.each(ANSWERS)('%s is read', (_, text, expected) => {
    expect(readAll([text])).toEqual({ ...WHOLE, body: '', ...expected })
  })

  test.each(ANSWERS)('%s is read the same wherever it is cut', (_, text) => {
    const whole = readAll([text])
    for (let at = 1; at < text.length; at++) {
      expect([at, readAll([text.slice(0, at), text.slice(at)])]).toEqual([at, whole])
    }
    expect(readAll([...text])).toEqual(whole)
  })

  test('to HEAD has no body, whatever it says', () => {
    const text = `${OK}Content-Length: 5\r\n\r\n`
    expect(readAll([text], { bodiless: true })).toMatchObject({ body: '', complete: true })
  })

  test('that only the end of the connection delimits is whole with it, and not before', () => {
    const text = `${OK}X-A: b\r\n\r\nall of it`
    expect(readAll([text])).toMatchObject({ body: 'all of it', complete: false })
    expect(readAll([text], { ends: true })).toMatchObject({
      body: 'all of it',
      complete: true,
      keepAlive: false,
    })
  })

  test.each([
    ['a length', `${OK}Content-Length: 5\r\n\r\nhalf`],
    ['chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`],
    ['a head that is not whole', `${OK}Content-Length: 0\r\n`],
    ['nothing', ''],
  ])('with %s is not whole when the connection ends', (_, text) => {
    expect(readAll([text], { ends: true }).complete).toBe(false)
  })

  test.each([
    ['bytes', 'x'],
    ['another answer', `${OK}Content-Length: 0\r\n\r\n`],
  ])('with %s behind it is whole, and the connection used no more', (_, behind) => {
    const read = readAll([`${OK}Content-Length: 1\r\n\r\nx${behind}`])
    expect(read).toMatchObject({ body: 'x', complete: true, fault: 'bytes behind the answer' })
  })

  test.each([
    [
      'an upgrade that nobody asked for',
      'HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    ],
    ['101 without an upgrade', 'HTTP/1.1 101 Go\r\n\r\n'],
    ['a status below 100', 'HTTP/1.1 099 What\r\n\r\n'],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['a length that is no number', `${OK}Content-Length: 1x\r\n\r\n`],
    ['two lengths', `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`],
    ['a length and chunks', `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['white space before the colon', `${OK}X-A : b\r\n\r\n`],
    ['a folded line', `${OK}X-A: b\r\n c\r\n\r\n`],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['a NUL in a value', `${OK}X-A: b\0c\r\n\r\n`],
    ['a chunk size that is no number', `${OK}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
  ])('with %s is a fault', (_, text) => {
    const { fault, complete } = readAll([text])
    expect([typeof fault, complete]).toEqual(['string', false])
  })

  test.each([
    ['head', (size: number) => `${OK}X-A: ${'a'.repeat(size)}\r\nContent-Length: 0\r\n\r\n`],
    [
      'trailer',
      (size: number) =>
        `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: ${'a'.repeat(size)}\r\n\r\n`,
    ],
  ])('may have a %s of 64 KiB, and no more', (_, text) => {
    expect(readAll([text(65_000)])).toMatchObject({ complete: true, fault: undefined })
    expect(readAll([text(66_000)]).fault).toBe('more than 64 KiB of headers')
  })

  test('of many megabytes in one piece is read in pieces', () => {
    const body = 'b'.repeat(300_000)
    expect(readAll([`${OK}Content-Length: ${body.length}\r\n\r\n${body}`])).toMatchObject({
      ...WHOLE,
      body,
    })
  })
})

test('answers follow one another, and none has anything of the one before', () => {
  const parser = new AnswerParser()
  const seen = ['a', 'b', ''].map(body => {
    parser.expect(false)
    parser.read(Buffer.from(`${OK}X-${body}: 1\r\nContent-Length: ${body.length}\r\n\r\n${body}`))
    const chunks = Buffer.concat(parser.chunks).toString()
    parser.chunks.length = 0
    return [parser.answer?.headers[0], chunks, parser.isComplete]
  })
  parser.free()
  expect(seen).toEqual([
    ['X-a', 'a', true],
    ['X-b', 'b', true],
    ['X-', '', true],
  ])
})
