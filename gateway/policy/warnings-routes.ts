import type { Access, CanonicalPath, Route } from '../model.ts'
import { isDenial } from './denial.ts'
import type { Say } from './faults.ts'
import { canonicalPath } from './path.ts'
import type { HostPolicy, Policy } from './policy.ts'
import { matchRoute, segmentsOf } from './routes.ts'
import { beside, pathOf, READING, warnOfReadingScope } from './warnings-reading.ts'

/** What only shows when all routes of a host are seen together. */
export function warnOfRoutes(policy: Policy, say: Say): void {
  const told = new Set<string>()
  const once: Say = (path, expected, options) => {
    const id = JSON.stringify([path, expected])
    if (!told.has(id)) say(path, expected, { severity: 'warning', ...options })
    told.add(id)
  }
  for (const dataSource of policy.dataSources) {
    const own = policy.routes.filter(route => route.dataSource === dataSource)
    for (const route of own) warnOfReadingScope(route, own, once)
  }
  const hosts = [...policy.hosts.values(), ...(policy.anyHost ? [policy.anyHost] : [])]
  for (const host of hosts) {
    const members = new Set(host.dataSources)
    const served = policy.routes.filter(({ dataSource }) => members.has(dataSource))
    const placed = served.map(route => ({ route, prefix: prefixOf(route) }))
    const wide = placed.filter(({ route }) => route.pattern.endsWith('/**'))
    for (const own of placed) {
      const around = wide.filter(other => isInside(own, other))
      warnOfPublicInside(own.route, around, once)
      warnOfOpenMethods(own, around, host, once)
    }
  }
}

/** `/**` alone is a rule for all the rest, not one for a part of the API. */
const isPart = ({ pattern }: Route) => pattern !== '/**'

/** A route without a token in the midst of a part of the API that is closed. */
function warnOfPublicInside(route: Route, wide: readonly Placed[], say: Say): void {
  if (route.access.kind !== 'public') return
  const found = wide.find(
    ({ route: other }) =>
      isPart(other) &&
      other.access.kind !== 'public' &&
      route.methods.some(method => takes(other, method)),
  )
  if (!found) return
  const { route: around } = found
  say(pathOf(route), `a route that asks for a token, as ${around.key} does around it`, {
    at: 'key',
    got: 'public',
    help: 'the narrower route wins: here everybody is let in, without a token',
    ...beside(around, 'what is closed around it'),
  })
}

/** What `ANY` is taken for here. */
const COMMON = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Methods that a route does not list, and that a wider and weaker one takes on the same path. */
function warnOfOpenMethods(
  { route, prefix }: Placed,
  wide: readonly Placed[],
  { table }: HostPolicy,
  say: Say,
): void {
  const path = sampleOf(route)
  for (const { route: other, prefix: around } of wide) {
    if (!namesMore(prefix, around)) continue
    const open = COMMON.filter(
      method =>
        takes(other, method) && !takes(route, method) && found(table, method, path) === other,
    )
    const told = open.filter(method => isWeaker(other.access, route.access, method))
    if (told.length === 0) continue
    const methods = told.join(', ')
    const kind = other.access.kind === 'public' ? 'takes without a token' : 'takes with any token'
    say(pathOf(route), 'every method of this path to be closed', {
      at: 'key',
      got: `${methods} open: ${other.key} ${kind} what this route does not list`,
      help: `add a route for ${methods} ${route.pattern}, or write ANY instead of ${route.methods.join(',')}`,
      ...beside(other, 'takes the rest'),
    })
  }
}

const found = (table: HostPolicy['table'], method: string, path: CanonicalPath | undefined) => {
  if (path === undefined) return undefined
  const route = matchRoute(table, method, path)
  return isDenial(route) ? undefined : route
}

const takes = ({ methods }: Route, method: string) =>
  methods.includes('ANY') || methods.includes(method)

/** Reading what only changing is closed for is what many APIs mean, unless it is without a token. */
function isWeaker(wide: Access, narrow: Access, method: string): boolean {
  if (narrow.kind === 'public') return false
  if (wide.kind === 'public') return true
  return wide.kind === 'authenticated' && narrow.kind === 'scopes' && !READING.has(method)
}

/** A route and its segments without `**`. */
interface Placed {
  readonly route: Route
  readonly prefix: readonly string[]
}

const prefixOf = ({ pattern }: Route) => segmentsOf(pattern).filter(segment => segment !== '**')

const isName = (segment: string | undefined) => segment?.startsWith('{') === true

/** Whether a route lies under what a wider one takes. */
function isInside({ route, prefix }: Placed, { route: wide, prefix: around }: Placed): boolean {
  const isRest = route.pattern.endsWith('/**')
  if (prefix.length < around.length || (isRest && prefix.length === around.length)) return false
  return route !== wide && around.every((segment, i) => isName(segment) || segment === prefix[i])
}

/** Whether a route names something of its own under what the wider one names. */
const namesMore = (prefix: readonly string[], around: readonly string[]): boolean =>
  prefix.slice(around.length).some(segment => segment !== '' && !isName(segment))

/** A path that the route takes, and no route that is more special, unless it is unlucky in its names. */
function sampleOf({ pattern, dataSource }: Route): CanonicalPath | undefined {
  const sample = pattern.replace(/\{[^}]*\}|\*\*$/g, '~any')
  const path = canonicalPath(sample, dataSource.paths)
  return typeof path === 'string' ? path : undefined
}
