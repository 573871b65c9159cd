import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { idOf, type Path, type Place, type Report, type Span, walker } from './tree.ts'
import { whyUnreadable } from './unreadable.ts'
import { type Environment, filler, type ReadIncluded } from './variables.ts'

export type { Path } from './tree.ts'
export type { Environment, ReadIncluded } from './variables.ts'

/** A fault of the policy file, as a value; shown by `faults.ts`. */
export interface Fault {
  readonly severity: 'error' | 'warning'
  /** Line and column, from 1. */
  readonly line: number
  readonly col: number
  readonly span: Span
  readonly path: Path
  readonly message: string
  /** Nothing more needs to be said of the value. */
  readonly settles?: boolean
  /** The key is none of those that there are; as it may be shown. */
  readonly unknown?: string
  /** What is at the path may be anything, also a secret. */
  readonly hides?: true
  /** What to do about it. */
  readonly help?: string
  /** Another place that one has to see to understand this one. */
  readonly beside?: Beside
}

export interface Beside {
  readonly path: Path
  readonly at: 'key' | 'value'
  /** What is there. */
  readonly label: string
}

/** A place in the text, for people and for programs. */
export interface Spot {
  readonly line: number
  readonly col: number
  readonly span: Span
}

/** The policy file as a tree of plain values with the place of each, variables filled in. */
export interface Source {
  readonly file: string
  readonly text: string
  readonly value: unknown
  readonly faults: Fault[]
  /** The files that were read for `${file:…}`. */
  readonly included: readonly string[]
  /** The text as written, of a scalar into which a variable was filled: what may be shown of it. */
  readonly filledFrom: (path: Path) => string | undefined
  /** Reads another file that the policy names, relative to the policy's own. */
  readonly read: ReadIncluded
  readonly placeOf: (path: Path, of?: 'key' | 'value') => Spot
  /** Where everything stands, by `idOf` its path. */
  readonly places: ReadonlyMap<string, Place>
}

/** Reads a whole file as text; throws as `readFileSync` does. */
export type ReadFile = (path: string) => string

export const readFromDisk: ReadFile = path => readFileSync(path, 'utf8')

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
  const at = (span: Span): Spot => ({ ...lines.linePos(span.from), span })
  const placeOf: Source['placeOf'] = (path, of = 'value') => {
    const place = places.get(idOf(path))
    if (place) return at(place[of])
    const start = { line: 1, col: 1, span: { from: 0, to: 0 } }
    return path.length === 0 ? start : placeOf(path.slice(0, -1), 'key')
  }
  for (const { pos, message } of [...document.errors, ...document.warnings].slice(0, 1)) {
    const span = { from: pos[0], to: pos[1] }
    faults.push({
      severity: 'error',
      ...at(span),
      path: [],
      message: faultOfYaml(message, text, span),
    })
  }
  const included: string[] = []
  const read: ReadIncluded = path => readIncluded(resolve(dirname(file), path), included, readFile)
  const fill = filler(env, read)
  const report: Report = (path, message, { span, settles = true, ...more } = {}) => {
    const place = span === undefined ? placeOf(path) : at(span)
    faults.push({ severity: 'error', ...place, path, message, settles, ...more })
  }
  const walk = walker(document, places, fill, report)
  const value = faults.length > 0 ? undefined : walk(document.contents, [], { from: 0, to: 0 })
  const filledFrom = (path: Path) => places.get(idOf(path))?.written
  return { file, text, value, faults, included, filledFrom, read, placeOf, places }
}

/** The first fault of the kind: what follows it is most often its consequence. */
function faultOfYaml(message: string, text: string, { from }: Span): string {
  // What follows a colon is cited from the file: a tag or a token may be a password that was not quoted.
  const [said = ''] = /^[^\n:]*/.exec(message) ?? []
  const hint = text.slice(0, from).endsWith('$') ? '; quote what holds a variable inside { }' : ''
  return `expected valid YAML, got a fault in it (${said}${hint})`
}

function readIncluded(file: string, included: string[], readFile: ReadFile) {
  included.push(file)
  try {
    return readFile(file)
  } catch (error) {
    return { problem: whyUnreadable(error) }
  }
}
