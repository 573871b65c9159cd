import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml'
import { whyUnreadable } from './unreadable.ts'

/** Where something stands in the tree of the file: keys and indices from the root. */
export type Path = readonly (string | number)[]

/** A fault of the policy file, as a value; shown by `faults.ts`. */
export interface Fault {
  readonly severity: 'error' | 'warning'
  /** Line and column, from 1. */
  readonly line: number
  readonly col: number
  readonly path: Path
  readonly message: string
  /** Nothing more needs to be said of the value. */
  readonly settles?: boolean
}

/** The policy file as a tree of plain values with the place of each, variables filled in. */
export interface Source {
  readonly file: string
  readonly value: unknown
  readonly faults: Fault[]
  /** The files that were read for `${file:…}`. */
  readonly included: readonly string[]
  /** The text as written, of a scalar into which a variable was filled: what may be shown of it. */
  readonly filledFrom: (path: Path) => string | undefined
  /** Reads another file that the policy names, relative to the policy's own. */
  readonly read: ReadIncluded
  readonly placeOf: (path: Path, of?: 'key' | 'value') => { line: number; col: number }
}

/** The text of a file, or why there is none. */
export type ReadIncluded = (path: string) => string | { readonly problem: string }

/** Reads a whole file as text; throws as `readFileSync` does. */
export type ReadFile = (path: string) => string

export const readFromDisk: ReadFile = path => readFileSync(path, 'utf8')

export type Environment = Readonly<Record<string, string | undefined>>

interface Place {
  readonly key: number
  readonly value: number
  readonly written?: string
}

const idOf = (path: Path): string => JSON.stringify(path)

/** Parses YAML 1.2 and fills in `${NAME}`, `${NAME:-default}` and `${file:PATH}` (contract 1). */
export function readSource(
  file: string,
  text: string,
  env: Environment,
  readFile: ReadFile = readFromDisk,
): Source {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
  })
  const places = new Map<string, Place>()
  const faults: Fault[] = []
  const at = (offset: number) => lines.linePos(offset)
  const placeOf: Source['placeOf'] = (path, of = 'value') => {
    const place = places.get(idOf(path))
    if (place) return at(place[of])
    return path.length === 0 ? { line: 1, col: 1 } : placeOf(path.slice(0, -1), 'key')
  }
  // What follows the first fault of this kind is most often its consequence.
  for (const { pos, message } of [...document.errors, ...document.warnings].slice(0, 1)) {
    // A tag may be a password that was not quoted.
    const [said = ''] = /^Unresolved tag|^[^\n]*/.exec(message) ?? []
    const hint = text.slice(0, pos[0]).endsWith('$')
      ? '; quote what holds a variable inside { }'
      : ''
    const what = `expected valid YAML, got a fault in it (${said}${hint})`
    faults.push({ severity: 'error', ...at(pos[0]), path: [], message: what })
  }
  const included: string[] = []
  const read: ReadIncluded = path => readIncluded(resolve(dirname(file), path), included, readFile)
  const fill = filler(env, read)
  const report: Report = (path, message, { offset, settles = true } = {}) => {
    const place = offset === undefined ? placeOf(path) : at(offset)
    faults.push({ severity: 'error', ...place, path, message, settles })
  }
  const walk = walker(document, places, fill, report)
  const value = faults.length > 0 ? undefined : walk(document.contents, [], 0)
  const filledFrom = (path: Path) => places.get(idOf(path))?.written
  return { file, value, faults, included, filledFrom, read, placeOf }
}

/** Reports a fault at the value of a path, or at an offset in the text. */
type Report = (
  path: Path,
  message: string,
  options?: { offset?: number; settles?: boolean },
) => void

/** Turns nodes into plain values and notes where each stands. */
function walker(document: Document, places: Map<string, Place>, fill: Fill, report: Report) {
  const offsetOf = (node: unknown, fallback: number) =>
    (node as Node | null)?.range?.[0] ?? fallback

  const resolving = new Set<Node>()
  let aliased = 0

  function walk(node: unknown, path: Path, key: number): unknown {
    const value = offsetOf(node, key)
    places.set(idOf(path), { key, value })
    return isAlias(node)
      ? walkAlias(node.resolve(document), path, value)
      : walkTree(node, path, key)
  }

  /** An alias inside what it stands for has no end, and aliases of aliases nearly none. */
  function walkAlias(target: Node | undefined, path: Path, key: number): unknown {
    aliased++
    if (target === undefined || resolving.has(target) || aliased > MAX_ALIASES) {
      report(
        path,
        `expected an alias of something else, at most ${MAX_ALIASES} of them, got this one`,
      )
      return null
    }
    resolving.add(target)
    const value = walkTree(target, path, key)
    resolving.delete(target)
    return value
  }

  function walkTree(node: unknown, path: Path, key: number): unknown {
    if (isMap(node)) return walkMap(node, path, key)
    if (isSeq(node))
      return node.items.map((item, i) => walk(item, [...path, i], offsetOf(item, key)))
    if (!isScalar(node)) return null
    if (typeof node.value !== 'string' || !node.value.includes('${')) return node.value
    const filled = fill(node.value)
    const place = places.get(idOf(path)) as Place
    places.set(idOf(path), { ...place, written: node.value })
    if (typeof filled === 'string') return filled
    report(path, filled.problem)
    return node.value
  }

  function walkMap(node: YAMLMap, path: Path, fallback: number): object {
    const entries = new Map<string, unknown>()
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key)
      const offset = offsetOf(key, fallback)
      if (entries.has(name)) {
        const again = `expected each key once, got ${name} again`
        report([...path, name], again, { offset, settles: false })
        continue
      }
      entries.set(name, walk(value, [...path, name], offset))
      const fault = keyFault(key, name)
      if (fault !== undefined) report([...path, name], fault, { offset })
    }
    return Object.fromEntries(entries)
  }

  return walk
}

/** A number would be read as another text than it was written as; variables are not filled in here. */
function keyFault(key: unknown, name: string): string | undefined {
  const expected = 'expected a key of plain text, without variables'
  if (!isScalar(key)) return `${expected}, got a list or a map`
  if (typeof key.value !== 'string') return `${expected}, got the ${typeof key.value} ${name}`
  const plain = !key.value.includes('${') && key.value !== '__proto__'
  return plain ? undefined : `${expected}, got ${name}`
}

/** Aliases that a file may use, counting those inside what they stand for. */
const MAX_ALIASES = 1_000

type Fill = (text: string) => string | { readonly problem: string }

const VARIABLE = /\$\$\{|\$\{([^}]*)\}?/g

/** Fills variables into one text. `$${` stands for a plain `${`. */
function filler(env: Environment, read: ReadIncluded): Fill {
  return text => {
    const problems: string[] = []
    const filled = text.replace(VARIABLE, (whole: string, inner: string | undefined) => {
      if (whole === '$${') return '${'
      const value = whole.endsWith('}') ? lookUp(inner ?? '') : undefined
      if (typeof value === 'string') return value
      problems.push(value ? value.problem : `expected a variable such as \${NAME}, got ${whole}`)
      return whole
    })
    return problems[0] === undefined ? filled : { problem: problems.join('; ') }
  }

  function lookUp(inner: string): string | { readonly problem: string } | undefined {
    if (inner.startsWith('file:')) return readValue(inner.slice(5))
    const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inner) ?? []
    if (name === undefined || fallback?.includes('${')) return undefined
    const value = env[name]
    if (fallback !== undefined) return value || fallback
    if (value !== undefined) return value
    return { problem: `expected the environment variable ${name} to be set, got nothing` }
  }

  function readValue(path: string): string | { readonly problem: string } {
    const text = read(path)
    return typeof text === 'string'
      ? text.replace(/\r?\n$/, '')
      : { problem: `expected the file ${path} to be readable, got ${text.problem}` }
  }
}

function readIncluded(file: string, included: string[], readFile: ReadFile) {
  included.push(file)
  try {
    return readFile(file)
  } catch (error) {
    return { problem: whyUnreadable(error) }
  }
}
