import type { Route } from '../../model.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Direction } from './access.ts'
import type { Change } from './changes.ts'
import type { ReadLog, Tally } from './log.ts'
import { type Cells, OTHER_METHOD, type Pair } from './pairs.ts'
import { type Answer, type Verdict, verdictOn } from './verdict.ts'

/** At least, and at most. */
export interface Range {
  readonly least: number
  readonly most: number
}

export interface Counts {
  readonly refused: Range
  readonly allowed: Range
}

export interface Client extends Counts {
  /** Absent: no token. */
  readonly clientId: string | undefined
}

/** How many requests of a log would have had another decision, and whose. */
export interface Touched extends Counts {
  readonly clients: readonly Client[]
}

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
    } else if (!pairs) seen.unmatched += tally.count
    else if (isPreflight(tally, pairs)) seen.preflights += tally.count
    else {
      const verdicts = pairs.map(pair => verdictOn(tally, pair.old as Route, pair.new, tokens))
      total.add(tally, combined(verdicts))
      for (const [i, pair] of pairs.entries()) {
        const change = byPair.get(pair)
        const own = verdicts[i] as Verdict
        const alone =
          pairs.length === 1 ? own : { refused: blur(own.refused), allowed: blur(own.allowed) }
        if (change) of.get(change)?.add(tally, alone)
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
  const routes = policy.routes.filter(
    ({ dataSource, pattern }) => dataSource.id === tally.dataSource && pattern === tally.route,
  )
  const own = routes.find(({ methods }) => takes(methods, method)) ?? routes.find(isForAny)
  if (!own) return undefined
  const pairs = cells.pairs.filter(pair => pair.old === own && pair.methods.has(method))
  return pairs.length > 0 ? pairs : undefined
}

const takes = (methods: readonly string[], method: string): boolean =>
  methods.includes(method) || (method === 'HEAD' && methods.includes('GET'))

const isForAny = ({ methods }: Route): boolean => methods.includes('ANY')

const NO_ROUTE = new Set(['host_unknown', 'route_unknown', 'method_not_allowed', 'path_ambiguous'])

const isUnrouted = ({ code = '', method }: Tally, opened: ReadonlySet<string>): boolean =>
  NO_ROUTE.has(code) && (opened.has(method) || opened.has(OTHER_METHOD))

const isPreflight = ({ method, principal, decision }: Tally, pairs: readonly Pair[]): boolean =>
  method === 'OPTIONS' &&
  decision === 'allow' &&
  principal === undefined &&
  pairs.some(({ old }) => old?.access.kind !== 'public')

const blur = (answer: Answer): Answer => (answer === 'no' ? 'no' : 'unknown')

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

function counter() {
  const clients = new Map<string | undefined, Counts>()
  const add = ({ clientId, count }: Tally, { refused, allowed }: Verdict) => {
    if (refused === 'no' && allowed === 'no') return
    const known = clients.get(clientId) ?? NONE
    clients.set(clientId, {
      refused: sum(known.refused, rangeOf(refused, count)),
      allowed: sum(known.allowed, rangeOf(allowed, count)),
    })
  }
  const result = (): Touched => {
    const all = [...clients].map(([clientId, counts]) => ({ clientId, ...counts }))
    const weight = ({ refused, allowed }: Counts) => refused.most + allowed.most
    return {
      refused: all.reduce((into, { refused }) => sum(into, refused), ZERO),
      allowed: all.reduce((into, { allowed }) => sum(into, allowed), ZERO),
      clients: all.sort((a, b) => weight(b) - weight(a)),
    }
  }
  return { add, result }
}

const ZERO: Range = { least: 0, most: 0 }
const NONE: Counts = { refused: ZERO, allowed: ZERO }

const sum = (a: Range, b: Range): Range => ({ least: a.least + b.least, most: a.most + b.most })

const rangeOf = (answer: Answer, count: number): Range => ({
  least: answer === 'yes' ? count : 0,
  most: answer === 'no' ? 0 : count,
})
