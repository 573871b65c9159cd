import { createHash } from 'node:crypto'
import { checkPolicy } from './checks.ts'
import { compilePolicy } from './compile.ts'
import { type Excerpt, excerpter } from './excerpt.ts'
import { type Finding, findingsOf } from './findings.ts'
import { checkPems, type Pems } from './pem.ts'
import type { Policy } from './policy.ts'
import { soundPart } from './repair.ts'
import { POLICY_FILE, type PolicyFile } from './schema.ts'
import { readShaped, readText, type Shaped } from './shaped.ts'
import { type Environment, type Path, type ReadFile, readFromDisk, type Source } from './source.ts'
import { idOf } from './tree.ts'
import { warnOfPolicy } from './warnings.ts'
import { warnOfRoutes } from './warnings-routes.ts'

/** A policy, or every fault of the file: what may serve, and what never does. */
export type Parsed =
  | { readonly ok: true; readonly policy: Policy; readonly warnings: readonly string[] }
  | {
      readonly ok: false
      readonly faults: readonly string[]
      /** The further files that it asks for: one of them may be what is missing. */
      readonly included: readonly string[]
    }

/** The same for whoever works on the policy, with all that helps to understand it. */
export type Loaded =
  | (Extract<Parsed, { ok: true }> & { readonly findings: readonly Finding[] } & Insight)
  | (Extract<Parsed, { ok: false }> & { readonly findings: readonly Finding[] })

/** What commands ask about a file without faults. */
export interface Insight {
  /** The line of a place in the file, for showing it. */
  readonly excerptAt: (path: Path, at?: 'key' | 'value') => Excerpt
  /** What stands in the file, defaults filled in, and what becomes of it when it is changed. */
  readonly shape: PolicyFile
  readonly compile: (shape: PolicyFile) => Policy
  /** Whether it stands in the file, rather than being a default. */
  readonly isWritten: (path: Path) => boolean
}

/** Reads and parses a policy file; a file that cannot be read is a fault like any other. */
export function loadPolicy(
  file: string,
  env: Environment,
  readFile: ReadFile = readFromDisk,
): Loaded {
  const text = readText(file, readFile)
  if (typeof text === 'string') return parsePolicy(file, text, env, readFile)
  return { ok: false, faults: [text.text], findings: [text], included: [] }
}

/** YAML text to a compiled policy, or every fault at once, each with its place (contract 1). */
export function parsePolicy(
  file: string,
  text: string,
  env: Environment,
  readFile: ReadFile = readFromDisk,
): Loaded {
  const shaped = readShaped(POLICY_FILE, file, text, env, readFile)
  const { source, faults, data, say } = shaped
  const checkable = data ?? (shaped.readable ? soundPart(source.value) : undefined)
  if (checkable) checkPolicy(checkable, say)
  const pems = checkable && checkPems(checkable, source.read, say)
  if (checkable) warnOfPolicy(checkable, say)
  if (faults.some(({ severity }) => severity === 'error') || !data || !pems) {
    const findings = findingsOf(source, faults, POLICY_FILE)
    return { ok: false, faults: linesOf(findings), findings, included: source.included }
  }
  const compile = compiler(shaped, pems)
  const policy = compile(data)
  warnOfRoutes(policy, say)
  const findings = findingsOf(source, faults, POLICY_FILE)
  const excerptAt: Insight['excerptAt'] = (path, at = 'value') =>
    excerpter(source, faults, new Set())(source.placeOf(path, at))
  const insight = { excerptAt, shape: data, compile, isWritten: isWrittenIn(source) }
  return { ok: true, policy, warnings: linesOf(findings), findings, ...insight }
}

const isWrittenIn =
  ({ places }: Source): Insight['isWritten'] =>
  path =>
    places.has(idOf(path))

const linesOf = (findings: readonly Finding[]) => findings.map(({ text }) => text)

function compiler({ source }: Shaped<PolicyFile>, pems: Pems): Insight['compile'] {
  const { file, text, included } = source
  const about = { file, hash: createHash('sha256').update(text).digest('hex'), included }
  const lineOf = (id: string, key: string) =>
    source.placeOf(['dataSources', id, 'routes', key], 'key').line
  return shape => compilePolicy(shape, about, pems, lineOf)
}
