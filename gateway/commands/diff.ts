import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { whyUnreadable } from '../policy/unreadable.ts'
import { loadFor } from './check.ts'
import { compare, differs } from './diff/compare.ts'
import { type Impact, impactOf } from './diff/impact.ts'
import { asJson } from './diff/json.ts'
import { type ReadLog, readLog } from './diff/log.ts'
import { asLines } from './diff/print.ts'
import type { ExitStatus, Terminal } from './terminal.ts'

export interface DiffOptions {
  readonly json: boolean
  /** The gateway's own log; `-` for stdin. */
  readonly log?: string
}

/** `diff OLD NEW`: what becomes allowed or refused, and for how many requests of a log. */
export async function diff(
  [oldFile, newFile]: readonly [string, string],
  { json, log }: DiffOptions,
  terminal: Terminal,
  stdin: () => Readable,
): Promise<ExitStatus> {
  const files = [loadFor(oldFile, terminal), loadFor(newFile, terminal)] as const
  const [old, next] = files
  if (!old || !next) return 1
  const found = compare(old, next)
  if (!found) {
    terminal.err('error: the routes of these policies meet in more ways than can be gone through')
    return 1
  }
  let impact: Impact | undefined
  if (log !== undefined) {
    const read = await readLogFrom(log, stdin, terminal)
    if (!read) return 1
    impact = impactOf({ ...found, log: read, policy: old.policy })
  }
  if (json) terminal.out(JSON.stringify(asJson(found, impact), null, 2))
  else for (const line of asLines(found, impact, terminal)) terminal.out(line)
  return differs(found) ? 1 : 0
}

async function readLogFrom(
  file: string,
  stdin: () => Readable,
  { err }: Terminal,
): Promise<ReadLog | undefined> {
  const source = file === '-' ? stdin() : createReadStream(file, { highWaterMark: 1024 * 1024 })
  try {
    return await readLog(source.setEncoding('utf8'))
  } catch (error) {
    err(`${file}: expected a log that can be read, got ${whyUnreadable(error)}`)
    return undefined
  }
}
