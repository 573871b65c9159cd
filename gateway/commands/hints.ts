import type { Decision } from '../explain/decision.ts'
import type { Route } from '../model.ts'
import type { Denial, DenyReason } from '../policy/denial.ts'
import { didYouMean, editDistance, nearest } from '../policy/nearest.ts'
import type { Insight } from '../policy/parse.ts'
import type { Policy } from '../policy/policy.ts'
import { segmentsOf } from '../policy/routes.ts'
import type { Path } from '../policy/source.ts'

/** A request as its words tell it. */
export interface Asked {
  readonly method: string
  /** The request target. */
  readonly target: string
}

/** The place in the policy that decided; `undefined` where it is that something is not there. */
export function decidingPlace({ denial: refused, shadowed, route }: Decision): Path | undefined {
  const denial = refused ?? shadowed
  if (denial?.denied === 'token_issuer') return ['issuer', 'url']
  if (!route) return undefined
  const dataSource = ['dataSources', route.dataSource.id]
  const own = [...dataSource, 'routes', route.key]
  const asks = route.access.kind === 'scopes' ? [...own, 'scopes'] : own
  const places: Partial<Record<DenyReason, Path>> = {
    scope_missing: asks,
    token_missing: asks,
    token_opaque: asks,
    token_audience: [...dataSource, 'audience'],
    user_required: [...own, 'principal'],
    system_required: [...own, 'principal'],
    client_not_allowed: [...own, 'clients'],
    body_too_large: [...dataSource, 'maxBody'],
  }
  return denial ? (places[denial.denied] ?? own) : asks
}

/** The line of the policy that decided. */
export function decidingLine(decision: Decision, { excerptAt }: Insight) {
  const place = decidingPlace(decision)
  return place && excerptAt(place)
}

/** What to do about a refusal, for whoever wrote the policy or the request. */
export function hintsFor(
  { denial: refused, shadowed, token }: Decision,
  policy: Policy,
  asked: Asked,
): string[] {
  const denial = refused ?? shadowed
  if (!denial) return []
  switch (denial.denied) {
    case 'scope_missing':
      return scopeHints(denial, token?.scopes ?? [])
    case 'token_missing':
      return ['add --token, or --claims to try one that does not exist']
    case 'token_audience':
      return [
        `this data source takes tokens for ${denial.route?.dataSource.audiences.join(' or ')}`,
      ]
    case 'token_issuer':
      return [`the policy trusts ${policy.issuer.url}, to the letter`]
    case 'client_not_allowed':
      return [`it is for ${[...(denial.route?.clients ?? [])].slice(0, 5).join(', ')}`]
    case 'host_unknown':
      return hostHints(policy)
    case 'route_unknown':
      return routeHints(policy, asked)
    default:
      return []
  }
}

/** A granted scope that is a slip away from a required one; scopes are compared to the letter. */
function scopeHints({ scope = '' }: Denial, granted: readonly string[]): string[] {
  const missing = scope.split(' ').filter(one => !granted.includes(one))
  return missing.flatMap(one => {
    const near = granted.find(held => isNear(held, one))
    const says = `the token has \`${near}\`, not \`${one}\`: scopes are compared to the letter`
    return near === undefined ? [] : [says]
  })
}

const isNear = (a: string, b: string): boolean =>
  a.toLowerCase() === b.toLowerCase() || editDistance(a, b) === 1

function hostHints({ hosts }: Policy): string[] {
  const names = [...hosts.keys()]
  return names.length > 0 ? [`served here: ${names.slice(0, 10).join(', ')}`] : []
}

function routeHints({ routes }: Policy, { method, target }: Asked): string[] {
  const [path = ''] = target.split('?')
  const fits = (route: Route) => route.methods.includes(method) || route.methods.includes('ANY')
  const own = routes.filter(fits).concat(routes.filter(route => !fits(route)))
  const slash = path.endsWith('/') ? path.slice(0, -1) : `${path}/`
  const other = own.find(({ pattern }) => likeness(slash, pattern) === 0)
  if (other) return [`there is \`${other.key}\`: a slash at the end counts`]
  const letters = own.find(
    ({ pattern }) => likeness(path.toLowerCase(), pattern.toLowerCase()) === 0,
  )
  if (letters) return [`there is \`${letters.key}\`: capital and small letters differ`]
  const near = own
    .map(route => ({ route, distance: likeness(path, route.pattern) }))
    .sort((a, b) => a.distance - b.distance)[0]
  return near && near.distance <= 2 ? [didYouMean(near.route.key)] : []
}

/** By how many letters a path misses a pattern. */
function likeness(path: string, pattern: string): number {
  const segments = segmentsOf(path)
  const wanted = segmentsOf(pattern)
  const open = wanted.at(-1) === '**'
  const fixed = open ? wanted.slice(0, -1) : wanted
  if (open ? segments.length < fixed.length : segments.length !== fixed.length) {
    return Number.POSITIVE_INFINITY
  }
  return fixed.reduce((sum, segment, i) => {
    const own = segments[i] ?? ''
    if (segment.startsWith('{')) return own === '' ? Number.POSITIVE_INFINITY : sum
    const isMeant = own === segment || nearest(own, [segment]) !== undefined
    return isMeant ? sum + editDistance(own, segment) : Number.POSITIVE_INFINITY
  }, 0)
}
