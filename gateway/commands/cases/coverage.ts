import type { Principal, Route } from '../../model.ts'
import type { DenyReason } from '../../policy/denial.ts'
import { alternatives } from '../../policy/describe.ts'
import type { Result } from './run.ts'

/** One thing that a policy says of a route, for one of its methods: a case that shows it is asked for. */
export interface Cell {
  readonly route: Route
  readonly method: string
  /** Completes "no case tries GET /courses …". */
  readonly what: string
  readonly met: boolean
}

/** What came of a request that reached a route. */
interface Outcome {
  readonly key: string
  readonly dataSource: string
  readonly method: string
  readonly denied: DenyReason | undefined
  readonly kind: Principal['kind'] | undefined
  readonly scopes: ReadonlySet<string>
}

/** A cell before anybody looked for a case. */
interface Claim {
  readonly what: string
  readonly isShownBy: (outcome: Outcome) => boolean
}

const KINDS = ['user', 'system'] as const

/**
 * Route by method by what each required scope does by principal: who gets in and who does not. A case that
 * failed shows nothing.
 */
export function coverageOf(routes: readonly Route[], results: readonly Result[]): Cell[] {
  const outcomes = results
    .filter(({ differences }) => differences.length === 0)
    .flatMap(result => outcomeOf(result) ?? [])
  return routes.flatMap(route => {
    const own = outcomes.filter(
      ({ key, dataSource }) => key === route.key && dataSource === route.dataSource.id,
    )
    const claims = claimsOf(route)
    return route.methods.flatMap(method => {
      const here = own.filter(outcome => method === 'ANY' || outcome.method === method)
      return claims.map(({ what, isShownBy }) => {
        return { route, method, what, met: here.some(isShownBy) }
      })
    })
  })
}

function outcomeOf({ trial, decision }: Result): Outcome | undefined {
  const { route, token, denial, shadowed } = decision
  if (!route) return undefined
  return {
    key: route.key,
    dataSource: route.dataSource.id,
    method: trial.test.request.split(' ')[0] ?? '',
    // The case shows what the route asks for, also where that is not enforced; once, not as a way in too.
    denied: (denial ?? shadowed)?.denied,
    kind: token?.principal.kind,
    scopes: new Set(token?.scopes),
  }
}

function claimsOf(route: Route): Claim[] {
  const isPublic = route.access.kind === 'public'
  const without: Claim = {
    what: 'without a token',
    isShownBy: ({ denied, kind }) =>
      kind === undefined && denied === (isPublic ? undefined : 'token_missing'),
  }
  if (isPublic) return [without]
  const stranger: Claim = {
    what: 'by a client that is not on the list',
    isShownBy: ({ denied }) => denied === 'client_not_allowed',
  }
  const holders = KINDS.flatMap(kind => scopeClaims(route, kind))
  return [without, ...holders, ...(route.clients ? [stranger] : [])]
}

/** What a user, or a system, comes to with each alternative, and with each but one of its scopes. */
function scopeClaims(route: Route, kind: Principal['kind']): Claim[] {
  const answer = answerTo(route, kind)
  const all = alternatives(route.access)
  if (all.length === 0) {
    const isShownBy: Claim['isShownBy'] = ({ denied, kind: own }) =>
      own === kind && denied === answer
    return [{ what: `by a ${kind}`, isShownBy }]
  }
  return all.flatMap(scopes => [
    {
      what: `by a ${kind} with ${scopes.join(' and ')}`,
      isShownBy: outcome =>
        outcome.kind === kind && outcome.denied === answer && holds(outcome, scopes),
    },
    ...scopes.flatMap(scope => lackClaim(scope, scopes, all, kind)),
  ])
}

function lackClaim(
  scope: string,
  scopes: readonly string[],
  all: readonly (readonly string[])[],
  kind: Principal['kind'],
): Claim[] {
  const rest = scopes.filter(other => other !== scope)
  // Another alternative is held with the rest of this one: nobody is refused.
  if (all.some(other => other !== scopes && other.every(one => rest.includes(one)))) return []
  const held = rest.length > 0 ? ` with ${rest.join(' and ')}, but` : ''
  return [
    {
      what: `by a ${kind}${held} without ${scope}`,
      isShownBy: outcome =>
        outcome.kind === kind &&
        outcome.denied === 'scope_missing' &&
        holds(outcome, rest) &&
        !outcome.scopes.has(scope),
    },
  ]
}

const holds = ({ scopes }: Outcome, wanted: readonly string[]): boolean =>
  wanted.every(scope => scopes.has(scope))

/** How a principal of the other kind is refused; `undefined`: it gets in. */
function answerTo({ principal }: Route, kind: Principal['kind']): DenyReason | undefined {
  if (principal === 'any' || principal === kind) return undefined
  return principal === 'user' ? 'user_required' : 'system_required'
}

/** Whole percent, downwards: 100 is all. */
export function percentOf(cells: readonly Cell[]): number {
  if (cells.length === 0) return 100
  return Math.floor((100 * cells.filter(({ met }) => met).length) / cells.length)
}
