import type { Policy } from '../policy/policy.ts'
import type { LineWriter } from './lines.ts'
import { prettyWriter } from './pretty.ts'

/** How lines are written; what is written of a request is `record.ts`'s to say. */
export type LogRules = Pick<Policy['log'], 'level' | 'format'>

export interface Log {
  readonly info: (fields: object, msg: string) => void
  readonly warn: (fields: object, msg: string) => void
  readonly error: (fields: object, msg: string) => void
  /** Written whatever the level: that the gateway is up. */
  readonly always: (fields: object, msg: string) => void
  /** Takes over what another policy says. */
  readonly adopt: (rules: LogRules) => void
  /** Gives the last lines some milliseconds to be read. */
  readonly flush: (limit: number) => Promise<void>
}

/** The least severe first. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/**
 * One JSON object a line (or what a person reads instead), never on the path of a request: lines are
 * written when the reader takes them. By `JSON.stringify` itself: a library for logs takes five times as
 * long for the same line, which is a tenth of a small request.
 */
export function createLog(writer: LineWriter, { level, format }: LogRules): Log {
  const pretty = prettyWriter(writer)
  let out = format === 'pretty' ? pretty : writer
  let lowest = LEVELS.indexOf(level)
  const write = (level: LogRules['level'], fields: object, msg: string) => {
    const text = JSON.stringify(fields)
    const own = text === '{}' ? '' : `,${text.slice(1, -1)}`
    out.write(`{"level":"${level}","time":"${isoTime()}"${own},"msg":${JSON.stringify(msg)}}\n`)
  }
  const at = (level: LogRules['level']) => {
    const severity = LEVELS.indexOf(level)
    return (fields: object, msg: string) => {
      if (severity >= lowest) write(level, fields, msg)
    }
  }
  return {
    always: (fields, msg) => write('info', fields, msg),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    adopt: next => {
      lowest = LEVELS.indexOf(next.level)
      out = next.format === 'pretty' ? pretty : writer
    },
    flush: writer.flush,
  }
}

let now = 0
let time = ''

/** There are more lines than milliseconds. */
function isoTime(): string {
  const at = Date.now()
  if (at === now) return time
  now = at
  time = new Date(at).toISOString()
  return time
}

/** The same log with some more fields on each line: for what only holds of one process among several. */
export const marked = (log: Log, mark: object): Log => ({
  ...log,
  info: (fields, msg) => log.info({ ...fields, ...mark }, msg),
  warn: (fields, msg) => log.warn({ ...fields, ...mark }, msg),
  error: (fields, msg) => log.error({ ...fields, ...mark }, msg),
})
