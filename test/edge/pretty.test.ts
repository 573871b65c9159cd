import { expect, test } from 'vitest'
import { prettyWriter } from '../../gateway/edge/pretty.ts'

function pretty(fields: object): string {
  let text = ''
  const writer = prettyWriter({
    write: lines => {
      text += lines
    },
  })
  writer.write(
    `${JSON.stringify({ level: 'warn', time: '2026-01-02T03:04:05.006Z', ...fields })}\n`,
  )
  return text.slice('03:04:05.006 '.length)
}

test.each([
  [
    'a name and its value',
    { msg: 'redis is away', error: 'refused' },
    'warn  redis is away error=refused',
  ],
  ['a text with spaces, quoted', { msg: 'a', error: 'it is away' }, 'warn  a error="it is away"'],
  ['a list of names, joined', { msg: 'keys', kids: ['a', 'b'], none: [] }, 'warn  keys kids=a,b'],
  ['a list of sentences', { msg: 'a', faults: ['b c', 'd e'] }, 'warn  a\n    b c\n    d e'],
  ['a sentence of several lines', { msg: 'a', faults: ['b c\nd'] }, 'warn  a\n    b c\n    d'],
  ['an object', { msg: 'a', unusable: { x: 1 } }, 'warn  a unusable={"x":1}'],
  [
    'what a terminal would obey, made harmless',
    { msg: 'a', cause: '\u001b[2J\u009b2J\r\u0007 x' },
    'warn  a cause="\\u001b[2J\\u009b2J\\u000d\\u0007 x"',
  ],
  ['the same in a list', { msg: 'a', faults: ['\u001b[2J x'] }, 'warn  a\n    \\u001b[2J x'],
  [
    'a request without a route',
    { msg: 'request', method: 'GET', status: 404, decision: 'deny', code: 'x', durationMs: 1.5 },
    'warn  GET - 404 x 1.5 ms',
  ],
])('a pretty line has %s', (_, fields, expected) => {
  expect(pretty(fields)).toBe(`${expected}\n`)
})
