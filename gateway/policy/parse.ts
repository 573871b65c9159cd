import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import type { z } from 'zod'
import { checkPolicy } from './checks.ts'
import { compilePolicy } from './compile.ts'
import { formatFault, sayer, sayIssue, valueAt } from './faults.ts'
import { checkPems } from './pem.ts'
import type { Policy } from './policy.ts'
import { soundPart } from './repair.ts'
import { POLICY_FILE } from './schema.ts'
import {
  type Environment,
  type Path,
  type ReadFile,
  readFromDisk,
  readSource,
  type Source,
} from './source.ts'
import { whyUnreadable } from './unreadable.ts'

/** A policy, or every fault of the file: what may serve, and what never does. */
export type Parsed =
  | { readonly ok: true; readonly policy: Policy; readonly warnings: readonly string[] }
  | {
      readonly ok: false
      readonly faults: readonly string[]
      /** The further files that it asks for: one of them may be what is missing. */
      readonly included: readonly string[]
    }

/** Reads and parses a policy file; a file that cannot be read is a fault like any other. */
export function loadPolicy(
  file: string,
  env: Environment,
  readFile: ReadFile = readFromDisk,
): Parsed {
  try {
    return parsePolicy(file, readFile(file), env, readFile)
  } catch (error) {
    const why = whyUnreadable(error)
    const where = file === resolve(file) ? '' : ` at ${resolve(file)}`
    const fault = `${file}: expected a file that can be read, got ${why}${where}`
    return { ok: false, faults: [fault], included: [] }
  }
}

/** YAML text to a compiled policy, or every fault at once, each with its place (contract 1). */
export function parsePolicy(
  file: string,
  text: string,
  env: Environment,
  readFile: ReadFile = readFromDisk,
): Parsed {
  const source = readSource(file, text, env, readFile)
  const faults = [...source.faults]
  const say = sayer(source, faults)
  const sound = isReadable(source) ? POLICY_FILE.safeParse(readScalars(source)) : undefined
  const settled = faults.filter(({ settles }) => settles)
  const told = new Set(settled.map(({ path }) => JSON.stringify(path)))
  const sayOnce: typeof say = (path, ...rest) => {
    if (!told.has(JSON.stringify(path))) say(path, ...rest)
  }
  for (const issue of sound?.error?.issues ?? []) sayIssue(issue, sayOnce)
  const checkable = sound && (sound.data ?? soundPart(source.value))
  if (checkable) checkPolicy(checkable, sayOnce)
  const pems = checkable && checkPems(checkable, source.read, sayOnce)
  faults.sort((a, b) => a.line - b.line || a.col - b.col)
  const lines = faults.map(fault => formatFault(file, fault))
  if (faults.some(({ severity }) => severity === 'error') || !sound?.data || !pems) {
    return { ok: false, faults: lines, included: source.included }
  }
  const about = { file, hash: hashOf(text), included: source.included }
  const lineOf = (id: string, key: string) =>
    source.placeOf(['dataSources', id, 'routes', key], 'key').line
  return { ok: true, policy: compilePolicy(sound.data, about, pems, lineOf), warnings: lines }
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

/** Whether the file is YAML at all; without that, nothing more can be said about it. */
const isReadable = ({ value, faults }: Source) => value !== undefined || faults.length === 0

/**
 * Variables are text. Where a key wants a number or a boolean, the text that a variable gave is read
 * as one; what was quoted in the file itself stays text.
 */
function readScalars(source: Source): unknown {
  const { error } = POLICY_FILE.safeParse(source.value)
  for (const issue of error?.issues ?? []) {
    const path = issue.path as Path
    if (source.filledFrom(path) === undefined || !wantsScalar(issue)) continue
    const parent = valueAt(source.value, path.slice(0, -1)) as Record<string | number, unknown>
    const key = path.at(-1) as string | number
    parent[key] = asScalar(String(parent[key]))
  }
  return source.value
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
