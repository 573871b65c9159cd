import type { DataSourceFile } from '../../policy/schema.ts'
import type { Path } from '../../policy/source.ts'

type Routes = DataSourceFile['routes']
type RouteEntry = Routes[string]
type RouteMap = Exclude<RouteEntry, string>

/** A data source with one thing taken out of it. */
export interface Mutant {
  readonly what: string
  readonly path: Path
  readonly dataSource: DataSourceFile
}

export const mutant = (what: string, path: Path, dataSource: DataSourceFile): Mutant => ({
  what,
  path,
  dataSource,
})

/** A data source without a route, or with one that asks for less, or takes a method less. */
export function routeMutants(dataSource: DataSourceFile, key: string): Mutant[] {
  const { [key]: asks, ...others } = dataSource.routes
  const path = ['routes', key]
  const among = (routes: Routes): DataSourceFile => ({ ...dataSource, routes })
  const becomes = (entry: RouteEntry) => among({ ...dataSource.routes, [key]: entry })
  const gone = mutant(key, path, among(others))
  const methods = methodsWithout(key).map(([method, rest]) =>
    mutant(`${method} of ${key}`, path, among({ ...others, [rest]: asks as RouteEntry })),
  )
  if (asks === undefined || asks === 'public') return [gone, ...methods]
  if (asks === 'authenticated') {
    return [gone, ...methods, mutant(`the token of ${key}`, path, becomes('public'))]
  }
  const { clients, ...unlisted } = asks
  return [
    gone,
    ...methods,
    ...scopesWithout(asks).map(([what, scopes, at]) =>
      mutant(`${what} of ${key}`, [...path, 'scopes', ...at], becomes({ ...asks, scopes })),
    ),
    ...(asks.principal === 'any'
      ? []
      : [
          mutant(
            `principal: ${asks.principal} of ${key}`,
            [...path, 'principal'],
            becomes({ ...asks, principal: 'any' }),
          ),
        ]),
    ...(clients ? [mutant(`clients of ${key}`, [...path, 'clients'], becomes(unlisted))] : []),
    ...enforceMutants(dataSource, key, asks),
  ]
}

/** A route's own word, where the data source has another one: without it the route does as that says. */
function enforceMutants(dataSource: DataSourceFile, key: string, asks: RouteMap): Mutant[] {
  const { enforce, ...rest } = asks
  if (enforce === undefined || enforce === dataSource.enforce) return []
  const routes = { ...dataSource.routes, [key]: rest }
  const path = ['routes', key, 'enforce']
  return [mutant(`enforce: ${enforce} of ${key}`, path, { ...dataSource, routes })]
}

/** `POST,PUT /a` -> `POST` gone: `PUT /a`, and the other way round. */
function methodsWithout(key: string): [method: string, rest: string][] {
  const [list = '', pattern = ''] = key.split(/[ \t]+/)
  const methods = list.split(',')
  if (methods.length === 1) return []
  return methods.map(method => [
    method,
    `${methods.filter(other => other !== method).join(',')} ${pattern}`,
  ])
}

type Scopes = RouteMap['scopes']

/** Each scope gone from its alternative, and each alternative gone from several. */
function scopesWithout({ scopes }: RouteMap): [what: string, rest: Scopes, at: Path][] {
  const drop = <T>(list: readonly T[], i: number) => list.filter((_, j) => j !== i)
  if (Array.isArray(scopes)) {
    return scopes.map((scope, i) => [`scope ${scope}`, drop(scopes, i), [i]])
  }
  const { anyOf } = scopes
  return anyOf.flatMap((entry, i) => {
    const names = [entry].flat()
    const at = ['anyOf', i]
    const less = names.map((scope, j): [string, Scopes, Path] => {
      const rest = anyOf.map((other, k) => (k === i ? drop(names, j) : other))
      return [`scope ${scope}`, { anyOf: rest }, typeof entry === 'string' ? at : [...at, j]]
    })
    const fewer: Scopes = { anyOf: drop(anyOf, i) }
    const whole: [string, Scopes, Path] = [`alternative ${names.join(' and ')}`, fewer, at]
    return anyOf.length > 1 ? [...less, whole] : less
  })
}
