import { describe, expect, test } from 'vitest'
import { createLog, type LogRules, marked } from '../../gateway/edge/log.ts'

/** What is written by a log with these rules: each line with its time taken out. */
function written(rules: Partial<LogRules>, use: (log: ReturnType<typeof createLog>) => void) {
  const lines: string[] = []
  const writer = { write: (line: string) => void lines.push(line), flush: async () => {} }
  use(createLog(writer, { level: 'info', format: 'json', ...rules }))
  return lines.map(line => line.replace(/"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",/, ''))
}

describe('a line of the log', () => {
  test('is one JSON object: level, time, what is told, and the message', () => {
    const lines = written({}, log => log.warn({ status: 502, code: undefined }, 'request'))
    expect(lines).toEqual(['{"level":"warn","status":502,"msg":"request"}\n'])
  })

  test('may tell nothing but its message', () => {
    const lines = written({}, log => log.info({ code: undefined }, 'up'))
    expect(lines).toEqual(['{"level":"info","msg":"up"}\n'])
  })

  test('stays one line, and one object, whatever it tells', () => {
    const told = { cause: 'a\n"b"\\\u0000', nested: { list: [1, null, 'x'] }, lone: '\ud800' }
    const [line = ''] = written({}, log => log.error(told, 'a "quoted"\nmessage'))
    expect(line.indexOf('\n')).toBe(line.length - 1)
    expect(JSON.parse(line)).toEqual({ level: 'error', ...told, msg: 'a "quoted"\nmessage' })
  })

  test.each([
    ['trace', ['info', 'warn', 'error', 'info']],
    ['info', ['info', 'warn', 'error', 'info']],
    ['warn', ['warn', 'error', 'info']],
    ['error', ['error', 'info']],
    ['silent', ['info']],
  ] as const)(
    'is written at level %s when it is as severe, and always where that is asked for',
    (level, levels) => {
      const lines = written({ level }, log => {
        log.info({}, 'told')
        log.warn({}, 'told')
        log.error({}, 'told')
        log.always({}, 'told')
      })
      expect(lines.map(line => JSON.parse(line).level)).toEqual(levels)
    },
  )

  test('follows the level that another policy says', () => {
    const lines = written({ level: 'error' }, log => {
      log.info({}, 'before')
      log.adopt({ level: 'info', format: 'json' })
      log.info({}, 'after')
    })
    expect(lines).toEqual(['{"level":"info","msg":"after"}\n'])
  })

  test('has the mark of its process', () => {
    const lines = written({}, log => marked(log, { worker: 2 }).info({ a: 1 }, 'up'))
    expect(lines).toEqual(['{"level":"info","a":1,"worker":2,"msg":"up"}\n'])
  })
})
