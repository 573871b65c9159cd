import type { Route } from '../../model.ts'
import { segmentsOf } from '../../policy/routes.ts'
import { compareAccess, type Direction, marksDiffer, type Part } from './access.ts'
import { type Cells, cellId, type Pair } from './pairs.ts'

/** `marks`: nobody is let in or refused, but others are marked, where `enforce: false` lets them through. */
export type Kind = 'opened' | 'closed' | Exclude<Direction, 'same'> | 'marks'

/** What is allowed or refused now and was not: requests that one route took, and another one takes. */
export interface Change {
  readonly kind: Kind
  readonly pair: Pair
  readonly hosts: readonly string[]
  readonly methods: readonly string[]
  /** What the patterns of both routes have in common. */
  readonly pattern: string
  /** A path that the change is about. */
  readonly example: string
  /** Whether it is about all requests of these hosts and methods that the pattern takes. */
  readonly whole: boolean
  readonly parts: readonly (readonly [Part, Direction])[]
}

/** Every difference in access, in the order of the new policy, then of the old one. */
export function changesOf(cells: Cells): Change[] {
  return cells.pairs
    .flatMap(pair => {
      const said = judge(pair)
      return said ? [changeOf(said.kind, said.parts, pair, cells)] : []
    })
    .sort((a, b) => placeOf(a) - placeOf(b) || (a.example < b.example ? -1 : 1))
}

const placeOf = ({ pair }: Change) => (pair.new ?? pair.old)?.line ?? 0

function judge({ old, new: next, open }: Pair): Pick<Change, 'kind' | 'parts'> | undefined {
  if (open) return judgePreflight(open, old ?? next)
  if (!old) return { kind: 'opened', parts: [] }
  if (!next) return { kind: 'closed', parts: [] }
  const { direction, parts } = compareAccess(old, next)
  if (direction !== 'same') return { kind: direction, parts }
  return marksDiffer(old, next) ? { kind: 'marks', parts } : undefined
}

/** Preflights need no token where no OPTIONS route is listed; one that is public asks for none either. */
function judgePreflight(open: 'old' | 'new', listed: Route | undefined) {
  if (listed?.access.kind === 'public') return undefined
  const kind = open === 'old' ? 'stricter' : 'looser'
  return { kind, parts: [['token', kind]] } as const
}

function changeOf(kind: Kind, parts: Change['parts'], pair: Pair, cells: Cells): Change {
  const { old, new: next, hosts, methods, examples } = pair
  const patterns = [old, next].flatMap(route => (route ? [segmentsOf(route.pattern)] : []))
  const pattern = patterns.reduce(inCommon)
  const [example = []] = examples
  const isWhole = cells.hosts
    .filter(({ host }) => hosts.has(host))
    .every(({ host, classes }) =>
      classes.every(
        (one, i) =>
          !fits(one.example, pattern) ||
          [...methods].every(method => pair.cells.has(cellId(host, method, i))),
      ),
    )
  return {
    kind,
    pair,
    hosts: [...hosts],
    methods: [...methods],
    pattern: `/${pattern.join('/')}`,
    example: `/${example.join('/')}`,
    whole: isWhole,
    parts,
  }
}

/** The pattern of the paths that both patterns take; there are some. */
function inCommon(a: readonly string[], b: readonly string[]): string[] {
  const common: string[] = []
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]]
    if (x === undefined || y === undefined) break
    if (x === '**') return [...common, ...b.slice(i)]
    if (y === '**') return [...common, ...a.slice(i)]
    common.push(x.startsWith('{') ? y : x)
  }
  return common
}

/** Whether a pattern takes a path. */
export function fits(path: readonly string[], pattern: readonly string[]): boolean {
  const open = pattern.at(-1) === '**'
  const fixed = open ? pattern.slice(0, -1) : pattern
  if (open ? path.length < fixed.length : path.length !== fixed.length) return false
  return fixed.every((segment, i) =>
    segment.startsWith('{') ? path[i] !== '' : path[i]?.toLowerCase() === segment.toLowerCase(),
  )
}
