import type { Route } from '../../model.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Direction } from './access.ts'
import type { Change } from './changes.ts'
import { counter, type Touched } from './counter.ts'
import type { ReadLog, Tally } from './log.ts'
import { type Cells, OTHER_METHOD, type Pair } from './pairs.ts'
import { type Answer, type Verdict, verdictOn } from './verdict.ts'

export interface Impact {
  readonly requests: number
  /** Lines that tell of no request. */
  readonly others: number
  /** Requests of routes that the old policy does not have: the log is of another one. */
  readonly unmatched: number
  /** Requests that met no route, of methods for which something is reachable now: their paths are not logged. */
  readonly unrouted: number
  /** They go on without a token; what became of them is not told by a route. */
  readonly preflights: number
  readonly total: Touched
  readonly of: ReadonlyMap<Change, Touched>
}

interface Parts {
  readonly log: ReadLog
  readonly policy: Policy
  readonly cells: Cells
  readonly changes: readonly Change[]
  readonly tokens: Direction
}

/** Holds the requests of a log against the changes. */
export function impactOf({ log, policy, cells, changes, tokens }: Parts): Impact {
  const total = counter()
  const of = new Map(changes.map(change => [change, counter()]))
  const byPair = new Map(changes.map(change => [change.pair, change]))
  const opened = new Set(changes.flatMap(({ kind, methods }) => (kind === 'opened' ? methods : [])))
  const seen = { requests: 0, unmatched: 0, unrouted: 0, preflights: 0 }
  for (const tally of log.tallies) {
    seen.requests += tally.count
    const pairs = pairsFor(tally, policy, cells)
    if (tally.dataSource === undefined || tally.route === undefined) {
      if (isUnrouted(tally, opened)) seen.unrouted += tally.count
    } else if (isPreflight(tally, policy)) seen.preflights += tally.count
    else if (!pairs) seen.unmatched += tally.count
    else {
      const ways = pairs.map(pair => ({ pair, verdict: verdictOn(tally, pair, tokens) }))
      total.add(tally, combined(ways.map(({ verdict }) => verdict)))
      for (const { pair, verdict } of ways) {
        const change = byPair.get(pair)
        if (change) of.get(change)?.add(tally, ways.length === 1 ? verdict : blurred(verdict))
      }
    }
  }
  const told = new Map([...of].map(([change, { result }]) => [change, result()]))
  return { ...seen, others: log.others, total: total.result(), of: told }
}

/** The ways that a request of an old route may go now; its path, which would tell, is not logged. */
function pairsFor(tally: Tally, policy: Policy, cells: Cells): Pair[] | undefined {
  const known = cells.hosts.some(({ methods }) => methods.includes(tally.method))
  const method = known ? tally.method : OTHER_METHOD
  const routes = routesOf(tally, policy)
  const own = routes.find(({ methods }) => takes(methods, method)) ?? routes.find(isForAny)
  if (!own) return undefined
  const pairs = cells.pairs.filter(pair => pair.old === own && pair.methods.has(method))
  return pairs.length > 0 ? pairs : undefined
}

const routesOf = (tally: Tally, { routes }: Policy): readonly Route[] =>
  routes.filter(
    ({ dataSource, pattern }) => dataSource.id === tally.dataSource && pattern === tally.route,
  )

const takes = (methods: readonly string[], method: string): boolean =>
  methods.includes(method) || (method === 'HEAD' && methods.includes('GET'))

const isForAny = ({ methods }: Route): boolean => methods.includes('ANY')

const NO_ROUTE = new Set(['host_unknown', 'route_unknown', 'method_not_allowed', 'path_ambiguous'])

const isUnrouted = ({ code = '', method }: Tally, opened: ReadonlySet<string>): boolean =>
  NO_ROUTE.has(code) && (opened.has(method) || opened.has(OTHER_METHOD))

/** Let in without a token, and not by a route that takes OPTIONS from everybody. */
const isPreflight = (tally: Tally, policy: Policy): boolean =>
  tally.method === 'OPTIONS' &&
  tally.decision === 'allow' &&
  tally.principal === undefined &&
  !routesOf(tally, policy).some(
    ({ methods, access }) =>
      access.kind === 'public' && (methods.includes('OPTIONS') || methods.includes('ANY')),
  ) &&
  routesOf(tally, policy).length > 0

/** It may be this way that the request goes, or another one. */
const blurred = ({ refused, allowed }: Verdict): Verdict => {
  const blur = (answer: Answer): Answer => (answer === 'no' ? 'no' : 'unknown')
  return { refused: blur(refused), allowed: blur(allowed) }
}

/** What is so whichever way the request goes is so. */
function combined(verdicts: readonly Verdict[]): Verdict {
  const of = (answers: readonly Answer[]): Answer => {
    const [first = 'no', ...more] = new Set(answers)
    return more.length > 0 ? 'unknown' : first
  }
  return {
    refused: of(verdicts.map(({ refused }) => refused)),
    allowed: of(verdicts.map(({ allowed }) => allowed)),
  }
}
