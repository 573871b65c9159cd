import { dirname, isAbsolute, join } from 'node:path'
import { CASE_FILE, type CaseFile } from './case-schema.ts'
import { type Excerpt, excerpter } from './excerpt.ts'
import { type Say, valueAt } from './faults.ts'
import { type Finding, findingsOf } from './findings.ts'
import { readShaped, readText } from './shaped.ts'
import { type Environment, type Path, type ReadFile, readFromDisk } from './source.ts'

/** A file of policy tests, or every fault of it. */
export type LoadedCases =
  | { readonly ok: true; readonly suite: Suite }
  | { readonly ok: false; readonly findings: readonly Finding[] }

export interface Suite {
  readonly file: string
  /** As the command line names files: relative to the working directory, or absolute. */
  readonly policy: string
  readonly env: Environment
  readonly principals: CaseFile['principals']
  readonly cases: CaseFile['cases']
  readonly excerptAt: (path: Path) => Excerpt
}

/**
 * Reads a file of policy tests.
 *
 * @param policy the policy file, where it is not the one that the file names
 */
export function loadCases(
  file: string,
  env: Environment,
  policy?: string,
  readFile: ReadFile = readFromDisk,
): LoadedCases {
  const text = readText(file, readFile)
  if (typeof text !== 'string') return { ok: false, findings: [text] }
  const { source, faults, data, say } = readShaped(CASE_FILE, file, text, env, readFile)
  checkCases(source.value, say)
  const named = policy ?? (data?.policy && besides(file, data.policy))
  if (data && named === undefined) say(['policy'], 'the path of a policy file, here or as --policy')
  if (!data || named === undefined || faults.length > 0) {
    return { ok: false, findings: findingsOf(source, faults, CASE_FILE) }
  }
  const cut = excerpter(source, faults, new Set())
  const { principals, cases } = data
  const excerptAt = (path: Path) => cut(source.placeOf(path))
  const suite = { file, policy: named, env: { ...env, ...data.env }, principals, cases, excerptAt }
  return { ok: true, suite }
}

const besides = (file: string, path: string): string =>
  isAbsolute(path) ? path : join(dirname(file), path)

/** What the schema cannot say. It is said of a file of the wrong shape as well: all faults come at once. */
function checkCases(file: unknown, say: Say): void {
  const principals = Object.keys(mapAt(file, ['principals']))
  const cases = valueAt(file, ['cases'])
  for (const [i, one] of (Array.isArray(cases) ? cases : []).entries()) {
    const { as, scope, claims } = mapAt(one, [])
    for (const [j, name] of [as ?? []].flat().entries()) {
      if (typeof name !== 'string' || principals.includes(name)) continue
      const at = ['cases', i, 'as', ...(Array.isArray(as) ? [j] : [])]
      say(at, 'a principal of this file', { values: principals })
    }
    if (scope === undefined || as !== undefined || claims !== undefined) continue
    const got = 'neither'
    say(['cases', i, 'scope'], 'a token that has it: `as` or `claims`', { got, at: 'key' })
  }
}

function mapAt(tree: unknown, path: Path): Readonly<Record<string, unknown>> {
  const value = valueAt(tree, path)
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
