import type { Say } from './faults.ts'
import { isPrivate } from './ip.ts'
import { didYouMean, editDistance } from './nearest.ts'
import type { DataSourceFile, PolicyFile } from './schema.ts'
import type { Path } from './source.ts'

/** What is allowed, and most often not meant. What only the whole table of routes shows is in `warnings-routes.ts`. */
export function warnOfPolicy(file: PolicyFile, say: Say): void {
  for (const [id, dataSource] of Object.entries(file.dataSources)) {
    const path = ['dataSources', id]
    if (file.issuer.url === FEIDE) warnOfAudiences(dataSource, path, say)
    warnOfPlainCredentials(dataSource, path, say)
    warnOfNin(dataSource, path, say)
    warnOfScopes(dataSource, path, say)
    warnOfShadow(dataSource, path, say)
  }
}

const FEIDE = 'https://auth.dataporten.no'

const FEIDE_AUDIENCE =
  /^https:\/\/n\.feide\.no\/datasources\/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/

function warnOfAudiences({ audience }: DataSourceFile, path: Path, say: Say): void {
  for (const [i, one] of [audience].flat().entries()) {
    if (FEIDE_AUDIENCE.test(one)) continue
    const at = [...path, 'audience', ...(typeof audience === 'string' ? [] : [i])]
    say(at, 'the audience of a data source of Feide', {
      severity: 'warning',
      help: "it looks like https://n.feide.no/datasources/<uuid>, in small letters, and stands in Feide's customer portal; tokens for anything else are refused",
    })
  }
}

function warnOfPlainCredentials({ upstream }: DataSourceFile, path: Path, say: Say): void {
  if (typeof upstream === 'string' || upstream.credentials === 'none') return
  const { url, urls = [] } = upstream
  const places = [
    ...(url === undefined ? [] : [[url, 'url'] as const]),
    ...urls.map((one, i) => [one, 'urls', i] as const),
  ]
  for (const [one, ...step] of places) {
    if (!/^http:/i.test(one) || isPrivate(one)) continue
    say([...path, 'upstream', ...step], 'https:// where credentials go to a public host', {
      severity: 'warning',
      help: 'whoever is on the way can read them, and the identity of every caller; http:// is for this machine and for networks of your own',
    })
  }
}

function warnOfNin({ headers }: DataSourceFile, path: Path, say: Say): void {
  const index = headers.useridSec.indexOf('nin')
  if (index === -1 || headers.profile === 'none') return
  say([...path, 'headers', 'useridSec', index], 'kinds of ids that the API cannot do without', {
    severity: 'warning',
    help: 'this sends the national identity number of each user along; some old APIs also take the whole header for one id, and fail on two',
  })
}

interface Used {
  readonly scope: string
  readonly path: Path
}

/** A scope that one route alone asks for, and that is a slip of the finger away from another one. */
function warnOfScopes({ routes }: DataSourceFile, path: Path, say: Say): void {
  const used = scopesOf(routes, [...path, 'routes'])
  const counts = new Map<string, number>()
  for (const { scope } of used) counts.set(scope, (counts.get(scope) ?? 0) + 1)
  const seen = new Set<string>()
  for (const { scope, path: at } of used) {
    const rarer = (other: string) => (counts.get(other) ?? 0) > 1 || seen.has(other)
    const near = [...counts.keys()].find(other => rarer(other) && isSlip(scope, other))
    if (counts.get(scope) === 1 && near !== undefined) {
      const first = used.find(other => other.scope === near)
      say(at, 'a scope that other routes ask for too, or one that looks like none of them', {
        severity: 'warning',
        help: didYouMean(near),
        ...(first && { beside: { path: first.path, at: 'value', label: 'asked for here' } }),
      })
    }
    seen.add(scope)
  }
}

function scopesOf(routes: DataSourceFile['routes'], path: Path): Used[] {
  return Object.entries(routes).flatMap(([key, asks]) => {
    if (typeof asks === 'string') return []
    const at = [...path, key, 'scopes']
    const { scopes } = asks
    if (Array.isArray(scopes)) return scopes.map((scope, i) => ({ scope, path: [...at, i] }))
    return scopes.anyOf.flatMap((one, i) =>
      typeof one === 'string'
        ? [{ scope: one, path: [...at, 'anyOf', i] }]
        : one.map((scope, j) => ({ scope, path: [...at, 'anyOf', i, j] })),
    )
  })
}

/** Short names and numbered ones (`level1`, `level2`) are alike without being mistaken for each other. */
function isSlip(scope: string, other: string): boolean {
  if (scope === other || Math.min(scope.length, other.length) < 4) return false
  if (scope.replace(/\d+/g, '') === other.replace(/\d+/g, '')) return false
  const [a, b] = [scope.toLowerCase(), other.toLowerCase()]
  return a === b || (a[0] === b[0] && editDistance(a, b) === 1)
}

/** Meant for the weeks in which clients get the scopes that they need, and easily forgotten. */
function warnOfShadow({ enforce, routes }: DataSourceFile, path: Path, say: Say): void {
  const tell = (at: Path, whose: string) =>
    say([...at, 'enforce'], 'true where the policy is to hold', {
      severity: 'warning',
      got: `false, which lets who lacks the scopes of ${whose}, or is not its principal, through`,
      help: 'the log (`shadow`) and feide_gateway_shadowed_requests_total tell who that is; when nobody is left, take it away',
    })
  if (!enforce) tell(path, 'a route')
  for (const [key, asks] of Object.entries(routes)) {
    if (typeof asks !== 'string' && asks.enforce === false) tell([...path, 'routes', key], key)
  }
}
