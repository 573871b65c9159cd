import type { Route } from '../../model.ts'

/** How what a route asks for became another: whom it lets in now that it did not, and the other way round. */
export type Direction = 'same' | 'looser' | 'stricter' | 'mixed'

/** What the access of a route is made of. */
export type Part = 'token' | 'audience' | 'exchange' | 'scopes' | 'principal' | 'clients'

/** What is enforced, part by part; of a route with `enforce: false` neither scopes nor principal. */
interface Demands {
  readonly token: boolean
  readonly audience: readonly string[]
  /** What Feide is asked with for opaque tokens; they are refused without. */
  readonly exchange: string | undefined
  /** Alternatives; one empty one where no scope is asked for. */
  readonly scopes: readonly (readonly string[])[]
  readonly principal: Route['principal']
  readonly clients: ReadonlySet<string> | undefined
}

const ANYTHING: readonly (readonly string[])[] = [[]]

export const scopesOf = ({ access }: Route): readonly (readonly string[])[] =>
  access.kind === 'scopes' ? access.anyOf : ANYTHING

function demandsOf(route: Route): Demands {
  const { dataSource, access, enforce, principal, clients } = route
  const { audiences, exchange } = dataSource
  return {
    token: access.kind !== 'public',
    audience: audiences,
    // Opaque tokens are exchanged for the first audience.
    exchange: exchange && JSON.stringify([exchange.clientId, exchange.scope, audiences[0]]),
    scopes: enforce ? scopesOf(route) : ANYTHING,
    principal: enforce ? principal : 'any',
    clients,
  }
}

export interface Comparison {
  readonly direction: Direction
  /** The parts that differ, each with its direction. */
  readonly parts: readonly (readonly [Part, Direction])[]
}

/** What became of the access to paths that one route took and another one takes now. */
export function compareAccess(old: Route, next: Route): Comparison {
  const [a, b] = [demandsOf(old), demandsOf(next)]
  const all: readonly (readonly [Part, Direction])[] = [
    ['token', direction(!b.token || a.token, !a.token || b.token)],
    ['audience', direction(isWithin(a.audience, b.audience), isWithin(b.audience, a.audience))],
    ['exchange', compareExchange(a.exchange, b.exchange)],
    ['scopes', direction(covers(b.scopes, a.scopes), covers(a.scopes, b.scopes))],
    ['principal', direction(takes(b.principal, a.principal), takes(a.principal, b.principal))],
    ['clients', direction(lists(b.clients, a.clients), lists(a.clients, b.clients))],
  ]
  const parts = all.filter(([, of]) => of !== 'same')
  return { direction: together(parts.map(([, of]) => of)), parts }
}

/** Whether the marks of requests that are let through differ, where both policies let them through. */
export function marksDiffer(old: Route, next: Route): boolean {
  const marks = (route: Route) => (route.enforce ? ANYTHING : scopesOf(route))
  const whom = ({ enforce, principal }: Route) => (enforce ? 'any' : principal)
  const [a, b] = [marks(old), marks(next)]
  return whom(old) !== whom(next) || !covers(a, b) || !covers(b, a)
}

/** @param looser whether all that were let in still are; `stricter`: whether nobody else is */
export function direction(looser: boolean, stricter: boolean): Direction {
  if (looser) return stricter ? 'same' : 'looser'
  return stricter ? 'stricter' : 'mixed'
}

export function together(directions: readonly Direction[]): Direction {
  const changed = new Set(directions.filter(one => one !== 'same'))
  const [first = 'same'] = changed
  return changed.size > 1 ? 'mixed' : first
}

const isWithin = (few: readonly string[], many: readonly string[]): boolean =>
  few.every(one => many.includes(one))

/** Whether whoever holds one of the latter alternatives holds one of the former. */
export const covers = (
  wide: readonly (readonly string[])[],
  narrow: readonly (readonly string[])[],
): boolean => narrow.every(scopes => wide.some(other => isWithin(other, scopes)))

const takes = (wide: Route['principal'], narrow: Route['principal']): boolean =>
  wide === 'any' || wide === narrow

const lists = (wide: Demands['clients'], narrow: Demands['clients']): boolean =>
  wide === undefined || narrow?.isSubsetOf(wide) === true

function compareExchange(old: string | undefined, next: string | undefined): Direction {
  if (old === next) return 'same'
  if (old === undefined) return 'looser'
  return next === undefined ? 'stricter' : 'mixed'
}
