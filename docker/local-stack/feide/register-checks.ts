import type { Say } from '../../../gateway/policy/faults.ts'
import type { ClientFile, RegisterFile } from './register-schema.ts'

/** What the schema of `feide.yaml` cannot say: how its parts fit together. */
export const checkRegister = (file: RegisterFile, say: Say): void => {
  checkDataSources(file, say)
  for (const [id, client] of Object.entries(file.clients)) {
    checkGrants(id, client, say)
    checkAccessLevels(file, id, client, say)
  }
  checkUsers(file, say)
  for (const [id, { parent }] of Object.entries(file.groups))
    if (parent !== undefined && !Object.hasOwn(file.groups, parent))
      say(['groups', id, 'parent'], 'the id of a group of this file')
}

const checkDataSources = ({ dataSources, clients }: RegisterFile, say: Say): void => {
  const audiences = new Set<string>()
  const clientIds = new Set(Object.keys(clients))
  for (const [id, { audience, client }] of Object.entries(dataSources)) {
    if (audiences.has(audience))
      say(['dataSources', id, 'audience'], 'an audience that no other data source has')
    audiences.add(audience)
    if (client === undefined) continue
    if (clientIds.has(client.id))
      say(['dataSources', id, 'client', 'id'], 'an id that no other client has')
    clientIds.add(client.id)
  }
}

const checkGrants = (
  id: string,
  { secret, redirectUris, grants = [] }: ClientFile,
  say: Say,
): void => {
  const path = ['clients', id]
  const logsIn = redirectUris.length > 0
  if (secret === undefined && !logsIn) say([...path, 'secret'], 'a secret, or `redirectUris`')
  for (const [i, grant] of grants.entries()) {
    if (grant === 'authorization_code') {
      if (!logsIn) say([...path, 'grants', i], 'a grant that needs no `redirectUris`')
    } else if (secret === undefined) say([...path, 'grants', i], 'a grant that needs no `secret`')
  }
  if (logsIn && grants.length > 0 && !grants.includes('authorization_code'))
    say([...path, 'redirectUris'], 'none without the grant authorization_code', { got: 'some' })
}

// A scope of a data source that this file does not know may be that of a gatekeeper elsewhere.
const checkAccessLevels = (
  { dataSources }: RegisterFile,
  id: string,
  { scopes }: ClientFile,
  say: Say,
): void => {
  for (const [i, scope] of scopes.entries()) {
    const [, dataSource = '', level] = /^gk_([^_]+)(?:_(.*))?$/.exec(scope) ?? []
    if (level === undefined || !Object.hasOwn(dataSources, dataSource)) continue
    const levels = dataSources[dataSource]?.accessLevels ?? []
    if (levels.includes(level)) continue
    const known = levels.map(known => `gk_${dataSource}_${known}`).join(', ')
    const none = `a scope of ${dataSource} without access level, as it has none`
    say(['clients', id, 'scopes', i], known ? `one of ${known}` : none)
  }
}

const checkUsers = ({ users, groups }: RegisterFile, say: Say): void => {
  const ids = new Set<string>()
  for (const [name, { id, groups: memberships }] of Object.entries(users)) {
    if (ids.has(id)) say(['users', name, 'id'], 'an id that no other user has')
    ids.add(id)
    for (const group of Object.keys(memberships)) {
      if (Object.hasOwn(groups, group)) continue
      const got = JSON.stringify(group)
      say(['users', name, 'groups', group], 'the id of a group of this file', { got, at: 'key' })
    }
  }
}
