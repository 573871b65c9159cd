import type { DataSource, Route } from '../model.ts'
import { alternatives, describeAccess, notEnforced } from '../policy/describe.ts'
import type { Policy } from '../policy/policy.ts'
import { compareRoutes } from '../policy/routes.ts'
import { loadFor } from './check.ts'
import { columns, type ExitStatus, painter, type Terminal } from './terminal.ts'

/** `routes [FILE]`: the table of routes, in match order. */
export function routes(file: string, { json }: { json: boolean }, terminal: Terminal): ExitStatus {
  const policy = loadFor(file, terminal)?.policy
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

/** Data sources that share hosts together, in the order of the file; their routes as matching tries them. */
function inMatchOrder({ routes, dataSources }: Policy): Route[] {
  const groups: Set<DataSource>[] = []
  for (const dataSource of dataSources) {
    const joined = groups.filter(group => [...group].some(other => sharesHost(other, dataSource)))
    const [first = new Set<DataSource>(), ...others] = joined
    if (joined.length === 0) groups.push(first)
    first.add(dataSource)
    for (const other of others) {
      for (const member of other) first.add(member)
      groups.splice(groups.indexOf(other), 1)
    }
  }
  return groups.flatMap(group =>
    routes.filter(({ dataSource }) => group.has(dataSource)).sort(compareRoutes),
  )
}

const sharesHost = (a: DataSource, b: DataSource): boolean =>
  (a.hosts.length === 0 && b.hosts.length === 0) || a.hosts.some(host => b.hosts.includes(host))

const asJson = ({ dataSource, methods, pattern, access, principal, enforce, line }: Route) => ({
  dataSource: dataSource.id,
  methods,
  pattern,
  access: access.kind,
  scopes: alternatives(access),
  principal,
  enforce,
  line,
})

function asRow(route: Route) {
  const { dataSource, methods, pattern, access, principal, line, clients } = route
  const only = clients ? ` (${clients.size} client(s))` : ''
  return [
    methods.join(','),
    pattern,
    describeAccess(access) + only + notEnforced(route),
    principal,
    dataSource.id,
    String(line),
  ]
}
