import { resolve } from 'node:path'
import type { z } from 'zod'
import { type Say, sayer, sayIssue, valueAt } from './faults.ts'
import type { Finding } from './findings.ts'
import {
  type Environment,
  type Fault,
  type Path,
  type ReadFile,
  readSource,
  type Source,
} from './source.ts'
import { whyUnreadable } from './unreadable.ts'

/** A file that was held against the schema of its kind. */
export interface Shaped<T> {
  readonly source: Source
  readonly faults: Fault[]
  /** Says a fault, unless the value has one already that settles it. */
  readonly say: Say
  /** Absent where a fault of the file's shape was said. */
  readonly data?: T
  /** Whether the file is YAML at all; without that, nothing more can be said about it. */
  readonly readable: boolean
}

/** YAML text to what the schema makes of it, with every fault of its shape. */
export function readShaped<T>(
  schema: z.ZodType<T>,
  file: string,
  text: string,
  env: Environment,
  readFile?: ReadFile,
): Shaped<T> {
  const source = readSource(file, text, env, readFile)
  const faults = [...source.faults]
  const sayAny = sayer(source, faults)
  const readable = source.value !== undefined || source.faults.length === 0
  const sound = readable ? schema.safeParse(readScalars(source, schema)) : undefined
  const settled = faults.filter(({ settles }) => settles)
  const told = new Set(settled.map(({ path }) => JSON.stringify(path)))
  const say: Say = (path, ...rest) => {
    if (!told.has(JSON.stringify(path))) sayAny(path, ...rest)
  }
  for (const issue of sound?.error?.issues ?? []) sayIssue(issue, say)
  return { source, faults, say, readable, ...(sound?.success && { data: sound.data }) }
}

/** The text of a file, or the fault that there is none. */
export function readText(file: string, readFile: ReadFile): string | Finding {
  try {
    return readFile(file)
  } catch (error) {
    const why = whyUnreadable(error)
    const where = file === resolve(file) ? '' : ` at ${resolve(file)}`
    const message = `expected a file that can be read, got ${why}${where}`
    const text = `${file}: ${message}`
    return { severity: 'error', file, where: '', message, text, excerpts: [] }
  }
}

/**
 * Variables are text. Where a key wants a number or a boolean, the text that a variable gave is read
 * as one; what was quoted in the file itself stays text.
 */
function readScalars(source: Source, schema: z.ZodType): unknown {
  const { error } = schema.safeParse(source.value)
  const issues = (error?.issues ?? []).flatMap(issue => withInner(issue))
  for (const { issue, path } of issues) {
    if (source.filledFrom(path) === undefined || !wantsScalar(issue)) continue
    const parent = valueAt(source.value, path.slice(0, -1)) as Record<string | number, unknown>
    const key = path.at(-1) as string | number
    parent[key] = asScalar(String(parent[key]))
  }
  return source.value
}

/** An issue, and those of the alternatives of a union: an upstream or a route may be text or a map. */
function withInner(
  issue: z.core.$ZodIssue,
  under: Path = [],
): { issue: z.core.$ZodIssue; path: Path }[] {
  const path = [...under, ...(issue.path as Path)]
  const inner = issue.code === 'invalid_union' ? issue.errors.flat() : []
  return [{ issue, path }, ...inner.flatMap(one => withInner(one, path))]
}

const SCALARS = new Set(['boolean', 'number', 'int'])

function wantsScalar(issue: z.core.$ZodIssue): boolean {
  if (issue.code === 'invalid_union') return issue.errors.flat().some(wantsScalar)
  return issue.code === 'invalid_type' && SCALARS.has(issue.expected)
}

function asScalar(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^\d+$/.test(text) ? Number(text) : text
}
