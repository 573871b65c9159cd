import type { Access, Route } from '../model.ts'
import type { Policy } from '../policy/policy.ts'
import { compareRoutes } from '../policy/routes.ts'
import { policyFor } from './check.ts'
import { columns, type ExitStatus, painter, type Terminal } from './terminal.ts'

/** `routes [FILE]`: the table of routes, in match order. */
export function routes(file: string, { json }: { json: boolean }, terminal: Terminal): ExitStatus {
  const policy = policyFor(file, terminal)
  if (!policy) return 1
  const ordered = inMatchOrder(policy)
  if (json) {
    terminal.out(JSON.stringify(ordered.map(asJson), null, 2))
    return 0
  }
  const paint = painter(terminal)
  const head = ['METHODS', 'PATTERN', 'ASKS FOR', 'PRINCIPAL', 'DATA SOURCE', 'LINE']
  const [first = '', ...rows] = columns([head, ...ordered.map(asRow)])
  terminal.out(paint('bold', first))
  for (const row of rows) terminal.out(row)
  return 0
}

/** Data sources in the order of the file; the routes of each as matching tries them. */
function inMatchOrder({ routes, dataSources }: Policy): Route[] {
  const place = new Map(dataSources.map((dataSource, i) => [dataSource, i]))
  const hosts = (route: Route) => route.dataSource.hosts.toSorted().join(' ')
  return routes.toSorted((a, b) => {
    const sameTable = hosts(a) === hosts(b)
    if (sameTable) return compareRoutes(a, b)
    return (place.get(a.dataSource) ?? 0) - (place.get(b.dataSource) ?? 0)
  })
}

/** The scopes that an access asks for, as alternatives; none for `authenticated` and `public`. */
export const alternatives = (access: Access): readonly (readonly string[])[] =>
  access.kind === 'scopes' ? access.anyOf : []

const asJson = ({ dataSource, methods, pattern, access, principal, line }: Route) => ({
  dataSource: dataSource.id,
  methods,
  pattern,
  access: access.kind,
  scopes: alternatives(access),
  principal,
  line,
})

function asRow({ dataSource, methods, pattern, access, principal, line, clients }: Route) {
  const only = clients ? ` (${clients.size} client(s))` : ''
  return [
    methods.join(','),
    pattern,
    describeAccess(access) + only,
    principal,
    dataSource.id,
    String(line),
  ]
}

/** `read and append`, `read, or audit and list`, `any valid token`, `public`. */
export function describeAccess(access: Access): string {
  if (access.kind === 'public') return 'public'
  if (access.kind === 'authenticated') return 'any valid token'
  return access.anyOf.map(scopes => scopes.join(' and ')).join(', or ')
}
