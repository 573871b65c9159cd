import type { Route } from '../model.ts'
import type { Say } from './faults.ts'
import type { Path } from './source.ts'

/** Where a route stands in the file. */
export const pathOf = ({ dataSource, key }: Route): Path => [
  'dataSources',
  dataSource.id,
  'routes',
  key,
]

export const beside = (route: Route, label: string) =>
  ({ beside: { path: pathOf(route), at: 'key', label } }) as const

/** Methods that change nothing (RFC 9110 §9.2.1). */
export const READING = new Set(['GET', 'HEAD', 'OPTIONS'])
const onlyReads = ({ methods }: Route) => methods.every(method => READING.has(method))

/** A search is often a POST that changes nothing. */
const SEARCH = /(?:^|[/_-])(?:search|query|find|filter|lookup|graphql)$/i

/** A route that changes things, open to a scope that on all other routes reads alone. */
export function warnOfReadingScope(route: Route, all: readonly Route[], say: Say): void {
  const { access, pattern, methods } = route
  if (access.kind !== 'scopes' || onlyReads(route) || SEARCH.test(pattern)) return
  const others = all.filter(other => other !== route)
  const reader = (scope: string): Route | undefined => {
    const users = others.filter(other => asksFor(other, scope))
    return users.every(onlyReads) ? users[0] : undefined
  }
  const weak = access.anyOf.find(scopes => scopes.every(scope => reader(scope)))
  const example = weak && reader(weak[0] ?? '')
  if (!weak || !example) return
  const changes = methods.filter(method => !READING.has(method)).join(',')
  say([...pathOf(route), 'scopes'], `a scope that is meant for changes, as ${changes} makes them`, {
    got: `${weak.join(' and ')}, which on other routes only reads`,
    help: `whoever may read may also ${changes} here: ask for a scope of its own`,
    ...beside(example, 'here it reads'),
  })
}

const asksFor = ({ access }: Route, scope: string) =>
  access.kind === 'scopes' && access.anyOf.some(scopes => scopes.includes(scope))
