import type { PathRules } from '../model.ts'
import type { Say } from './faults.ts'
import { parseRouteKey } from './route-key.ts'
import { shapeOf } from './routes.ts'
import type { DataSourceFile, PolicyFile } from './schema.ts'

export const pathRules = ({ allow, case: letters }: DataSourceFile['paths']): PathRules => ({
  encodedSlash: allow.includes('%2F'),
  semicolon: allow.includes(';'),
  emptySegments: allow.includes('//'),
  caseInsensitive: letters === 'insensitive',
})

/** Data sources of one host share its paths: they must agree on how to read them. */
export function checkHosts(file: PolicyFile, say: Say): void {
  const told = new Set<string>()
  const once: Say = (path, expected, options) => {
    const id = JSON.stringify([path, expected])
    if (!told.has(id)) say(path, expected, options)
    told.add(id)
  }
  for (const ids of groupByHost(file).values()) {
    checkPathsAgree(ids, file, once)
    checkShapes(ids, file, once)
  }
}

/** Ids of data sources by host; `''` for those without hosts. */
export function groupByHost(file: PolicyFile): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const [id, { hosts }] of Object.entries(file.dataSources)) {
    for (const host of new Set(hosts ?? [''])) {
      groups.set(host, [...(groups.get(host) ?? []), id])
    }
  }
  return groups
}

function checkPathsAgree(ids: readonly string[], file: PolicyFile, say: Say): void {
  const [first = '', ...others] = ids
  const rulesOf = (id: string) =>
    JSON.stringify(pathRules((file.dataSources[id] as DataSourceFile).paths))
  for (const id of others) {
    if (rulesOf(id) === rulesOf(first)) continue
    const got = 'other ones'
    say(
      ['dataSources', id, 'paths'],
      `the same \`paths\` as ${first}, which serves the same host`,
      {
        got,
        at: 'key',
      },
    )
  }
}

function checkShapes(ids: readonly string[], file: PolicyFile, say: Say): void {
  const taken = new Map<string, readonly [id: string, key: string]>()
  for (const id of ids) {
    const { routes, paths } = file.dataSources[id] as DataSourceFile
    const rules = pathRules(paths)
    for (const key of Object.keys(routes)) {
      const parsed = parseRouteKey(key, rules)
      if (Array.isArray(parsed)) continue
      for (const method of parsed.methods) {
        const shape = `${method} ${shapeOf(parsed.pattern, rules.caseInsensitive)}`
        const other = taken.get(shape)
        if (other === undefined) taken.set(shape, [id, key])
        else {
          const expected = `a shape that no other route of the host has for ${method}`
          const [owner, first] = other
          const beside = { path: ['dataSources', owner, 'routes', first], label: 'the other route' }
          say(['dataSources', id, 'routes', key], expected, {
            got: `that of ${owner} ${JSON.stringify(first)}`,
            at: 'key',
            beside: { ...beside, at: 'key' },
          })
        }
      }
    }
  }
}
