import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml'
import type { Fill } from './variables.ts'

/** Where something stands in the tree of the file: keys and indices from the root. */
export type Path = readonly (string | number)[]

/** Where a node of the tree stands in the text, in characters from its beginning. */
export interface Place {
  readonly path: Path
  readonly key: Span
  readonly value: Span
  /** The value is no list or map; what it is when a variable was filled into it. */
  readonly scalar: boolean
  readonly written?: string
}

/** From one offset to another, which is behind it. */
export interface Span {
  readonly from: number
  readonly to: number
}

export const idOf = (path: Path): string => JSON.stringify(path)

/** Reports a fault at the value of a path, or at an offset in the text. */
export type Report = (
  path: Path,
  message: string,
  options?: { span?: Span; settles?: boolean; hides?: true },
) => void

/** Turns nodes into plain values and notes where each stands. */
export function walker(document: Document, places: Map<string, Place>, fill: Fill, report: Report) {
  const spanOf = (node: unknown, fallback: Span): Span => {
    const [from, to] = (node as Node | null)?.range ?? []
    return from === undefined || to === undefined ? fallback : { from, to }
  }

  const resolving = new Set<Node>()
  let aliased = 0

  function walk(node: unknown, path: Path, key: Span): unknown {
    const value = spanOf(node, key)
    places.set(idOf(path), { path, key, value, scalar: isScalar(node) && value !== key })
    return isAlias(node)
      ? walkAlias(node.resolve(document), path, value)
      : walkTree(node, path, key)
  }

  /** An alias inside what it stands for has no end, and aliases of aliases nearly none. */
  function walkAlias(target: Node | undefined, path: Path, key: Span): unknown {
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

  function walkTree(node: unknown, path: Path, key: Span): unknown {
    if (isMap(node)) return walkMap(node, path, key)
    if (isSeq(node)) return node.items.map((item, i) => walk(item, [...path, i], spanOf(item, key)))
    if (!isScalar(node)) return null
    if (typeof node.value !== 'string' || !node.value.includes('${')) return node.value
    const filled = fill(node.value)
    const place = places.get(idOf(path)) as Place
    places.set(idOf(path), { ...place, written: node.value })
    if (typeof filled === 'string') return filled
    report(path, filled.problem)
    return node.value
  }

  function walkMap(node: YAMLMap, path: Path, fallback: Span): object {
    const entries = new Map<string, unknown>()
    for (const { key, value } of node.items) {
      // What is in a list or a map is not cited: it may be a secret.
      const name = isScalar(key) ? String(key.value) : '…'
      const span = spanOf(key, fallback)
      if (entries.has(name)) {
        const again = `expected each key once, got ${name} again`
        report([...path, name], again, { span, settles: false })
        continue
      }
      entries.set(name, walk(value, [...path, name], span))
      const fault = keyFault(key, name)
      if (fault !== undefined) report([...path, name], fault, { span, hides: true })
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
