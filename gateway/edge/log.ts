import { pino } from 'pino'
import type { Policy } from '../policy/policy.ts'
import type { LineWriter } from './lines.ts'

export interface Log {
  readonly info: (fields: object, msg: string) => void
  readonly warn: (fields: object, msg: string) => void
  readonly error: (fields: object, msg: string) => void
  /** Written whatever the level: that the gateway is up. */
  readonly always: (fields: object, msg: string) => void
  readonly setLevel: (level: Policy['log']['level']) => void
  /** Gives the last lines some milliseconds to be read. */
  readonly flush: (limit: number) => Promise<void>
}

/**
 * One JSON object a line, never on the path of a request: lines are written when the reader takes
 * them. Not through pino's own destination: that one writes from a thread, on which the end of the
 * process would wait for a reader that has stopped reading.
 */
export function createLog(writer: LineWriter, level: Policy['log']['level']): Log {
  const open = (lowest: Policy['log']['level']) =>
    pino(
      {
        level: lowest,
        base: {},
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: label => ({ level: label }) },
      },
      writer,
    )
  const logger = open(level)
  const unfiltered = open('info')
  return {
    always: (fields, msg) => unfiltered.info(fields, msg),
    info: (fields, msg) => logger.info(fields, msg),
    warn: (fields, msg) => logger.warn(fields, msg),
    error: (fields, msg) => logger.error(fields, msg),
    setLevel: next => {
      logger.level = next
    },
    flush: writer.flush,
  }
}

/** The same log with some more fields on each line: for what only holds of one process among several. */
export const marked = (log: Log, mark: object): Log => ({
  ...log,
  info: (fields, msg) => log.info({ ...fields, ...mark }, msg),
  warn: (fields, msg) => log.warn({ ...fields, ...mark }, msg),
  error: (fields, msg) => log.error({ ...fields, ...mark }, msg),
})
