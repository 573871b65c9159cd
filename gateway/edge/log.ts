import { pino } from 'pino'
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

/**
 * One JSON object a line (or what a person reads instead), never on the path of a request: lines are written when the reader takes
 * them. Not through pino's own destination: that one writes from a thread, on which the end of the
 * process would wait for a reader that has stopped reading.
 */
export function createLog(writer: LineWriter, { level, format }: LogRules): Log {
  const pretty = prettyWriter(writer)
  let out = format === 'pretty' ? pretty : writer
  const open = (lowest: LogRules['level']) =>
    pino(
      {
        level: lowest,
        base: {},
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: label => ({ level: label }) },
      },
      { write: line => out.write(line) },
    )
  const logger = open(level)
  const unfiltered = open('info')
  return {
    always: (fields, msg) => unfiltered.info(fields, msg),
    info: (fields, msg) => logger.info(fields, msg),
    warn: (fields, msg) => logger.warn(fields, msg),
    error: (fields, msg) => logger.error(fields, msg),
    adopt: next => {
      logger.level = next.level
      out = next.format === 'pretty' ? pretty : writer
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
