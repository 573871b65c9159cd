import type { z } from 'zod'
import { didYouMean, nearest } from './nearest.ts'
import { isBareVariable, isSecret, shownKey, withoutUserinfo } from './secrets.ts'
import type { Fault, Path, Source } from './source.ts'

/** Says a fault at the value of a path, or at its key. */
export type Say = (
  path: Path,
  expected: string,
  options?: {
    got?: string
    at?: 'key' | 'value'
    severity?: 'warning'
    /** The words that the value could have been. */
    values?: readonly string[]
    /** The key is none of those that there are. */
    unknown?: true
  } & Pick<Fault, 'help' | 'beside' | 'hides'>,
) => void

type Issue = z.core.$ZodIssue

/** `FILE:LINE:COL: where.in.the.file: expected X, got Y`; warnings with their name in front. */
export function formatFault(file: string, fault: Fault): string {
  const { line, col, path, message, severity } = fault
  const where = path.length > 0 ? `${whereOf(fault)}: ` : ''
  return `${file}:${line}:${col}: ${severity === 'warning' ? 'warning: ' : ''}${where}${message}`
}

/** Where a fault is; an unknown key may be a secret that slipped out of its place. */
export const whereOf = ({ path, unknown }: Fault): string =>
  formatPath(unknown === undefined ? path : [...path.slice(0, -1), unknown])

/** `['routes', 'GET /a', 'scopes', 0]` -> `routes["GET /a"].scopes[0]`. */
export function formatPath(path: Path): string {
  return path
    .map((step, i) => {
      if (typeof step === 'number') return `[${step}]`
      if (!/^[A-Za-z0-9_-]+$/.test(step)) return `[${JSON.stringify(step)}]`
      return i === 0 ? step : `.${step}`
    })
    .join('')
}

export const valueAt = (tree: unknown, path: Path): unknown =>
  path.reduce<unknown>((node, step) => {
    const holds = typeof node === 'object' && node !== null && Object.hasOwn(node, step)
    return holds ? (node as Record<string | number, unknown>)[step] : undefined
  }, tree)

/** Collects faults with their places in the file. */
export function sayer(source: Source, into: Fault[]): Say {
  return (path, expected, { got, at, severity, values = [], unknown, ...more } = {}) => {
    const value = valueAt(source.value, path)
    const missing = value === undefined
    const place = source.placeOf(missing ? path.slice(0, -1) : path, missing ? 'key' : at)
    const near = typeof value === 'string' && !isSecret(path) ? nearest(value, values) : undefined
    const key = unknown && shownKey(String(path.at(-1)), value !== null)
    const shown = key === undefined ? show(source, path, value) : JSON.stringify(key)
    into.push({
      severity: severity ?? 'error',
      ...place,
      path,
      message: `expected ${expected}, got ${got ?? shown}`,
      ...(near !== undefined && { help: didYouMean(near) }),
      ...(key !== undefined && { unknown: key, hides: true }),
      ...more,
    })
  }
}

/** A value as a fault may show it: short, and without what came from the environment. */
function show(source: Source, path: Path, value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  const written = source.filledFrom(path)
  const secret = isSecret(path)
  if (written !== undefined && (!secret || isBareVariable(written))) {
    return `the value of ${written}`
  }
  if (secret) return 'a value that is not shown here'
  if (Array.isArray(value)) return value.length === 0 ? '[]' : 'a list'
  if (typeof value === 'object') return Object.keys(value).length === 0 ? '{}' : 'a map'
  const text = withoutUserinfo(JSON.stringify(value))
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}

const TYPES: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
}

/** Turns one issue of the schema into faults. */
export function sayIssue(issue: Issue, say: Say, under: Path = []): void {
  const path = [...under, ...(issue.path as (string | number)[])]
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) {
        say([...path, key], 'a known key', { at: 'key', unknown: true })
      }
      return
    case 'invalid_key':
      say(path, issue.issues[0]?.message ?? 'another key', {
        got: JSON.stringify(path.at(-1)),
        at: 'key',
      })
      return
    case 'invalid_union': {
      const branch = intendedBranch(issue.errors)
      if (branch) for (const inner of branch) sayIssue(inner, say, path)
      else say(path, issue.message, { values: valuesOf(issue) })
      return
    }
    default:
      say(path, expectation(issue), { values: valuesOf(issue) })
  }
}

/** The words that a value is one of. */
function valuesOf(issue: Issue): readonly string[] {
  if (issue.code === 'invalid_union') {
    return issue.errors.flat().flatMap(inner => (inner.path.length === 0 ? valuesOf(inner) : []))
  }
  return issue.code === 'invalid_value' ? issue.values.map(String) : []
}

function expectation(issue: Issue): string {
  if (!issue.message.startsWith('Invalid ')) return issue.message
  if (issue.code === 'invalid_type') return TYPES[issue.expected] ?? issue.expected
  if (issue.code === 'invalid_value') return `one of ${issue.values.join(', ')}`
  return issue.message
}

/** Of the alternatives of a union, the one whose type was meant: the one that fails further inside. */
function intendedBranch(branches: readonly Issue[][]): readonly Issue[] | undefined {
  const isWrongType = ({ code, path }: Issue) =>
    path.length === 0 && (code === 'invalid_type' || code === 'invalid_value')
  const ofType = branches.filter(issues => !issues.some(isWrongType))
  const known = ofType.filter(issues => !issues.some(issue => issue.code === 'unrecognized_keys'))
  if (known.length === 1) return known[0]
  return ofType.length === 1 ? ofType[0] : undefined
}
