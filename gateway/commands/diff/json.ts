import type { Route } from '../../model.ts'
import { alternatives } from '../../policy/describe.ts'
import type { Change } from './changes.ts'
import { type Diff, differs } from './compare.ts'
import type { Touched } from './counter.ts'
import type { Impact } from './impact.ts'

/** The answer for programs. */
export function asJson(diff: Diff, impact: Impact | undefined) {
  const { changes, settings } = diff
  return {
    same: !differs(diff),
    old: diff.old.policy.file,
    new: diff.new.policy.file,
    changes: changes.map(change => {
      const touched = impact?.of.get(change)
      return { ...changeJson(change), ...(touched && { requests: touchedJson(touched) }) }
    }),
    settings: settings.map(({ key, old, new: next, direction }) => {
      return { key, old: old ?? null, new: next ?? null, access: direction }
    }),
    log: impact ? logJson(impact) : null,
  }
}

const changeJson = ({ kind, hosts, methods, pattern, example, whole, parts, pair }: Change) => ({
  change: kind,
  hosts: hosts.map(host => host || '*'),
  methods,
  pattern,
  whole,
  example,
  parts: Object.fromEntries(parts),
  old: pair.old ? routeJson(pair.old) : null,
  new: pair.new ? routeJson(pair.new) : null,
})

const routeJson = ({ dataSource, key, line, access, principal, clients, enforce }: Route) => ({
  dataSource: dataSource.id,
  route: key,
  line,
  access: access.kind,
  scopes: alternatives(access),
  principal,
  clients: clients ? [...clients] : null,
  enforce,
  audiences: dataSource.audiences,
})

function logJson({ total, requests, others, unmatched, unrouted, preflights }: Impact) {
  return { requests, others, unmatched, unrouted, preflights, ...touchedJson(total) }
}

const touchedJson = ({ refused, allowed, clients }: Touched) => ({
  refused,
  allowed,
  clients: clients.map(({ clientId, ...counts }) => ({ clientId: clientId ?? null, ...counts })),
})
