import type { z } from 'zod'
import { valueAt } from './faults.ts'
import { POLICY_FILE, type PolicyFile } from './schema.ts'
import type { Path } from './source.ts'

/**
 * So that all faults come at once, the checks of how things fit together also run on a file whose
 * shape is wrong: on what is left of it when each faulty value is taken out. The result is checked,
 * never served.
 */
export function soundPart(tree: unknown): PolicyFile | undefined {
  const copy: unknown = structuredClone(tree)
  for (let round = 0; round < 20; round++) {
    const { data, error } = POLICY_FILE.safeParse(copy)
    if (data) return data
    for (const issue of error.issues) takeOut(copy, issue)
  }
  return undefined
}

/** Stand-ins for values that must be there, so that what surrounds them can still be checked. */
const NEUTRAL: Record<string, unknown> = {
  audience: 'audience',
  upstream: 'http://localhost',
  url: 'https://localhost',
}

function takeOut(tree: unknown, issue: z.core.$ZodIssue): void {
  const path = issue.path as Path
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) remove(tree, [...path, key])
    return
  }
  if (path[0] === 'redis') {
    remove(tree, ['redis'])
    return
  }
  // Other hosts or rules for paths would give a data source other neighbours: false faults.
  const step = path[2]
  if (path[0] === 'dataSources' && (step === 'hosts' || step === 'paths')) {
    remove(tree, path.slice(0, 2))
  } else if (path[0] === 'dataSources' && step === 'routes' && path.length > 3) {
    replace(tree, path.slice(0, 4), 'public')
  } else if (String(path.at(-1)) in NEUTRAL && !isNeutral(tree, path)) {
    replace(tree, path, NEUTRAL[String(path.at(-1))])
  } else {
    remove(tree, valueAt(tree, path) === undefined ? path.slice(0, -1) : path)
  }
}

const isNeutral = (tree: unknown, path: Path) =>
  valueAt(tree, path) === NEUTRAL[String(path.at(-1))]

type Container = Record<string | number, unknown>

function replace(tree: unknown, path: Path, value: unknown): void {
  const parent = valueAt(tree, path.slice(0, -1))
  const key = path.at(-1)
  if (typeof parent === 'object' && parent !== null && key !== undefined) {
    ;(parent as Container)[key] = value
  }
}

function remove(tree: unknown, path: Path): void {
  const parent = valueAt(tree, path.slice(0, -1))
  const key = path.at(-1)
  if (typeof parent !== 'object' || parent === null || key === undefined) return
  if (Array.isArray(parent)) parent.splice(Number(key), 1)
  else delete (parent as Container)[key]
}
