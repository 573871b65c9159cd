import { formatPath } from '../../policy/faults.ts'
import type { Loaded } from '../../policy/parse.ts'
import type { PolicyFile } from '../../policy/schema.ts'
import { UPSTREAM_MAP } from '../../policy/schema-upstream.ts'
import { isSecret } from '../../policy/secrets.ts'
import type { Path } from '../../policy/source.ts'
import { type Direction, direction } from './access.ts'
import type { Cells } from './pairs.ts'

export type Sound = Extract<Loaded, { ok: true }>

/** A key with another value, as both files have it; what may be a secret, or came from a variable, is not shown. */
export interface Setting {
  readonly key: string
  readonly old: string | undefined
  readonly new: string | undefined
  /** Where it changes which tokens are good: how. */
  readonly direction: Direction
}

/** Every key with another value that is no route; those of a data source by the new one's id. */
export function settingsOf(old: Sound, next: Sound, cells: Cells): Setting[] {
  const { dataSources: _, ...ownOld } = old.shape
  const { dataSources: __, ...ownNew } = next.shape
  const global = compare(
    { loaded: old, tree: ownOld, at: [] },
    { loaded: next, tree: ownNew, at: [] },
  )
  const whole = global.map(setting => ({
    ...setting,
    direction: directionOf(setting.key, old, next),
  }))
  return [
    ...whole,
    ...dataSourcePairs(old, next, cells).flatMap(([a, b]) => ofDataSource(old, a, next, b)),
  ]
}

interface Side {
  readonly loaded: Sound
  readonly tree: object
  readonly at: Path
}

function ofDataSource(old: Sound, a: string, next: Sound, b: string): Setting[] {
  const side = (loaded: Sound, id: string): Side => {
    return { loaded, tree: settingsIn(loaded.shape, id), at: ['dataSources', id] }
  }
  const changed = compare(side(old, a), side(next, b))
  if (a === b) return changed
  return [{ key: `dataSources.${b}`, old: a, new: b, direction: 'same' }, ...changed]
}

/** What routes are held against each other for is left out. */
function settingsIn(shape: PolicyFile, id: string): object {
  const own = shape.dataSources[id]
  if (!own) return {}
  const { audience: _a, hosts: _h, routes: _r, paths: _p, enforce: _e, upstream, ...rest } = own
  const map = typeof upstream === 'string' ? UPSTREAM_MAP.parse({ url: upstream }) : upstream
  return { upstream: map, ...rest }
}

/** Data sources of the same id, and those that take requests which another one took. */
function dataSourcePairs(old: Sound, next: Sound, cells: Cells): [string, string][] {
  const ids = Object.keys(next.shape.dataSources)
  const same = ids.filter(id => Object.hasOwn(old.shape.dataSources, id)).map(id => [id, id])
  const moved = cells.pairs.flatMap(({ old: was, new: is }) =>
    was && is ? [[was.dataSource.id, is.dataSource.id]] : [],
  )
  const all = new Map([...same, ...moved].map(pair => [pair.join(' '), pair as [string, string]]))
  return [...all.values()]
}

function compare(old: Side, next: Side): Setting[] {
  const [a, b] = [leavesOf(old.tree), leavesOf(next.tree)]
  const keys = new Set([...a.keys(), ...b.keys()])
  return [...keys].flatMap(id => {
    if (a.get(id) === b.get(id)) return []
    const path = JSON.parse(id) as Path
    const shown = [shownIn(old, path), shownIn(next, path)] as const
    const known = shown[0] === shown[1] ? [undefined, undefined] : shown
    const key = formatPath([...next.at, ...path])
    return [{ key, old: known[0], new: known[1], direction: 'same' }]
  })
}

/** Every value of a tree by its path; lists are values. */
function leavesOf(tree: object, at: Path = []): Map<string, string> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]): [string, string][] => {
      const path = [...at, key]
      if (value === undefined) return []
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        return [...leavesOf(value, path)]
      }
      return [[JSON.stringify(path), JSON.stringify(value)]]
    }),
  )
}

/** As it stands in the file: what a variable was filled into shows the variable alone. */
function shownIn({ loaded, tree, at }: Side, path: Path): string | undefined {
  if (isSecret(path)) return undefined
  const value = path.reduce<unknown>(
    (node, step) => (node as Record<string, unknown>)?.[step],
    tree,
  )
  if (value === undefined) return 'nothing'
  const written = [...at, ...path]
  if (Array.isArray(value) && loaded.isWritten(written)) {
    return `[${value.map((_, i) => textAt(loaded, [...written, i]) ?? '…').join(', ')}]`
  }
  return textAt(loaded, written) ?? 'the default'
}

function textAt({ excerptAt, isWritten }: Sound, path: Path): string | undefined {
  // The short form of an upstream is its URL.
  const own = !isWritten(path) && path.at(-1) === 'url' ? path.slice(0, -1) : path
  if (!isWritten(own)) return undefined
  const { text, from, to } = excerptAt(own)
  return text.slice(from, to)
}

/** Which tokens are good: looser where those that were still are. */
function directionOf(key: string, old: Sound, next: Sound): Direction {
  const [a, b] = [old.shape.issuer, next.shape.issuer]
  switch (key) {
    case 'issuer.url':
    case 'issuer.jwksUri':
      return 'mixed'
    case 'issuer.algorithms':
      return direction(
        a.algorithms.every(one => b.algorithms.includes(one)),
        b.algorithms.every(one => a.algorithms.includes(one)),
      )
    case 'issuer.clockTolerance':
    case 'issuer.maxLifetime': {
      const name = key === 'issuer.clockTolerance' ? 'clockTolerance' : 'maxLifetime'
      return direction(a[name] <= b[name], b[name] <= a[name])
    }
    default:
      return 'same'
  }
}
