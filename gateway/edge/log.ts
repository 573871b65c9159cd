import { pino } from 'pino'
import type { Policy } from '../policy/policy.ts'

/** Bytes that wait for a reader of stdout; what comes on top is dropped and counted. */
const MAX_WAITING = 4 * 1024 * 1024

export interface Log {
  readonly info: (fields: object, msg: string) => void
  readonly warn: (fields: object, msg: string) => void
  readonly error: (fields: object, msg: string) => void
  /** Written whatever the level: that the gateway is up. */
  readonly always: (fields: object, msg: string) => void
  readonly setLevel: (level: Policy['log']['level']) => void
}

/**
 * One JSON object a line on stdout, never on the path of a request: lines are written when stdout
 * takes them, and dropped when its reader has stopped reading.
 */
export function createLog(level: Policy['log']['level'], onDrop: () => void): Log {
  const destination = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING })
  destination.on('drop', onDrop)
  // A reader that is gone (EPIPE) must not take the gateway with it.
  destination.on('error', onDrop)
  const open = (lowest: Policy['log']['level']) =>
    pino(
      {
        level: lowest,
        base: {},
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: label => ({ level: label }) },
      },
      destination,
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
  }
}
