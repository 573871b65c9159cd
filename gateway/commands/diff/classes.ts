import type { PathRules } from '../../model.ts'
import type { HostPolicy } from '../../policy/policy.ts'
import type { Methods, Node } from '../../policy/routes.ts'
import { type Alphabet, segmentsFor } from './segments.ts'

/**
 * Paths without end fall into few classes: those that the tables of both policies cannot tell apart. The
 * tables are walked side by side, as the matching walks each, with one segment of every kind at a time.
 */

/** All paths that meet the same routes in both policies. */
export interface PathClass {
  /** One of them, in segments. */
  readonly example: readonly string[]
  /** What the path meets in each table, the most specific first. */
  readonly old: readonly Methods[]
  readonly new: readonly Methods[]
}

/** Where matching stands in a table: at a node, or behind `**`, whatever follows. */
type Thread = { readonly at: Node } | { readonly rest: Methods }

/** Both tables after some segments. */
interface State {
  readonly example: readonly string[]
  readonly old: readonly Thread[]
  readonly new: readonly Thread[]
}

/** More would be a policy that nobody can have written. */
const MOST = 200_000

/** Every class of paths of one host; `undefined` where there are too many to go through. */
export function pathClasses(
  old: HostPolicy | undefined,
  next: HostPolicy | undefined,
): PathClass[] | undefined {
  const [oldRules, newRules] = [rulesOf(old), rulesOf(next)]
  const idOf = numbering()
  const keyOf = (state: State) =>
    [state.old.map(idOf), state.new.map(idOf), state.example.at(-1) === ''].join('|')
  const start: State = { example: [], old: startOf(old), new: startOf(next) }
  const seen = new Set<string>()
  const classes: PathClass[] = []
  const queue = [start]
  // Grows while it is gone through.
  for (const state of queue) {
    const rules = { old: oldRules, new: newRules }
    for (const segment of segmentsFor(alphabetOf(state), rules, state.example)) {
      const following = {
        example: [...state.example, segment],
        old: follow(state.old, segment, state.example, oldRules),
        new: follow(state.new, segment, state.example, newRules),
      }
      const key = keyOf(following)
      if (seen.has(key)) continue
      seen.add(key)
      if (seen.size > MOST) return undefined
      queue.push(following)
      classes.push({ ...following, old: ends(following.old), new: ends(following.new) })
    }
  }
  return classes
}

const startOf = (host: HostPolicy | undefined): Thread[] => (host ? [{ at: host.table.root }] : [])

const NO_RULES: PathRules = {
  encodedSlash: false,
  semicolon: false,
  emptySegments: false,
  caseInsensitive: false,
}

const rulesOf = (host: HostPolicy | undefined): PathRules => host?.dataSources[0]?.paths ?? NO_RULES

const alphabetOf = (state: State): Alphabet => ({
  old: literalsOf(state.old),
  new: literalsOf(state.new),
})

const literalsOf = (threads: readonly Thread[]): ReadonlySet<string> =>
  new Set(threads.flatMap(thread => ('at' in thread ? [...thread.at.literals.keys()] : [])))

/** One more segment; a path that its rules refuse meets nothing. */
function follow(
  threads: readonly Thread[],
  segment: string,
  before: readonly string[],
  rules: PathRules,
): Thread[] {
  if (isRefused(segment, before, rules)) return []
  const literal = rules.caseInsensitive ? segment.toLowerCase() : segment
  return threads.flatMap((thread): Thread[] => {
    if ('rest' in thread) return [thread]
    const { literals, param, rest } = thread.at
    const own = literals.get(literal)
    return [
      ...(own ? [{ at: own }] : []),
      ...(param && segment !== '' ? [{ at: param }] : []),
      ...(rest ? [{ rest }] : []),
    ]
  })
}

/** What `policy/path.ts` has opt-ins for; all else that it refuses is refused in any policy. */
const isRefused = (segment: string, before: readonly string[], rules: PathRules): boolean =>
  (segment.includes('%2F') && !rules.encodedSlash) ||
  (segment.includes(';') && !rules.semicolon) ||
  (before.at(-1) === '' && !rules.emptySegments)

const ends = (threads: readonly Thread[]): Methods[] =>
  threads.flatMap(thread => {
    if ('rest' in thread) return [thread.rest]
    const { here, rest } = thread.at
    return [...(here ? [here] : []), ...(rest ? [rest] : [])]
  })

/** A number for each node and each rest, the same for the same one. */
function numbering(): (thread: Thread) => number {
  const numbers = new Map<object, number>()
  return thread => {
    const of = 'at' in thread ? thread.at : thread.rest
    const number = numbers.get(of) ?? numbers.size
    numbers.set(of, number)
    return number
  }
}
