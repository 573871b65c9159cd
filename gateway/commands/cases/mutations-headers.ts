import type { DataSourceFile } from '../../policy/schema.ts'
import type { Path } from '../../policy/source.ts'
import { type Mutant, mutant } from './mutations-routes.ts'

type Headers = DataSourceFile['headers']

/** What keeps something of the caller, or of the token, from the API; and what brings it there. */
export function headerMutants(dataSource: DataSourceFile): Mutant[] {
  const { headers } = dataSource
  const { strip, inject, userid, scopes } = headers
  const gone = (what: string, path: Path, less: Partial<Headers>) =>
    mutant(`headers.${what}`, ['headers', ...path], {
      ...dataSource,
      headers: { ...headers, ...less },
    })
  return [
    ...strip.map((name, i) =>
      gone(`strip ${name}`, ['strip', i], { strip: withoutEntry(strip, i) }),
    ),
    ...Object.keys(inject).map(name =>
      gone(`inject ${name}`, ['inject', name], { inject: withoutKey(inject, name) }),
    ),
    ...Object.keys(scopes.rename).map(name => {
      const rename = withoutKey(scopes.rename, name)
      return gone(`scopes.rename ${name}`, ['scopes', 'rename', name], {
        scopes: { ...scopes, rename },
      })
    }),
    ...scopes.drop.map((name, i) =>
      gone(`scopes.drop ${name}`, ['scopes', 'drop', i], {
        scopes: { ...scopes, drop: withoutEntry(scopes.drop, i) },
      }),
    ),
    ...(userid ? [] : [gone('userid: false', ['userid'], { userid: true })]),
  ]
}

const withoutEntry = <T>(list: readonly T[], i: number): T[] => list.filter((_, j) => j !== i)

const withoutKey = <T>(map: Readonly<Record<string, T>>, key: string): Record<string, T> =>
  Object.fromEntries(Object.entries(map).filter(([name]) => name !== key))
