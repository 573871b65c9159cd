import type { Context } from 'hono'
import {
  type BearerFault,
  insufficientScope,
  isBearerFault,
  readBearer,
  speaksForUser,
  type UserToken,
} from './bearer.ts'
import { NO_STORE } from './no-store.ts'
import type { Group, Membership } from './register-schema.ts'
import type { Feide } from './token-answer.ts'

/** A group as its member sees it. */
type OwnGroup = Group & { readonly id: string; readonly membership: Membership }

/** `GET /groups/me/groups` of Feide's groups API: a list, of active memberships unless `showAll`. */
export const myGroups = (feide: Feide) => (c: Context) => {
  const token = readGroupsToken(feide, c)
  if (isBearerFault(token)) return faulty(c, token)
  const all = c.req.query('showAll')?.toLowerCase() === 'true'
  const groups = groupsOf(feide, token).filter(group => all || isActive(group, feide.now()))
  return c.json(groups, 200, NO_STORE)
}

/** `GET /groups/me/groups/{id}`: the user's membership in one group. */
export const myMembership = (feide: Feide) => (c: Context) => {
  const token = readGroupsToken(feide, c)
  if (isBearerFault(token)) return faulty(c, token)
  const group = groupsOf(feide, token).find(({ id }) => id === c.req.param('id'))
  return group
    ? c.json(group.membership, 200, NO_STORE)
    : c.json({ message: 'the user has no such group' }, 404, NO_STORE)
}

/** Any of these opens the API; which groups it shows depends on which. `groups` is the older one. */
const SCOPES = ['groups-org', 'groups-edu', 'groups-other', 'groups']

const readGroupsToken = (feide: Feide, c: Context): UserToken | BearerFault => {
  const token = readBearer(feide, c.req.header('authorization'))
  if (isBearerFault(token)) return token
  if (!SCOPES.some(scope => token.scopes.includes(scope))) return insufficientScope(SCOPES)
  // The documentation has a 403 where OAuth has no error code to go with it.
  const why = 'this resource needs a token that is bound to a user'
  return speaksForUser(token) ? token : { status: 403, challenge: 'Bearer realm="Feide"', why }
}

// The groups API is not part of the authorization server, and has error bodies of its own.
const faulty = (c: Context, { status, challenge, why }: BearerFault): Response =>
  c.json({ message: why }, status, { ...NO_STORE, 'WWW-Authenticate': challenge })

const groupsOf = ({ register }: Feide, { user, scopes }: UserToken): readonly OwnGroup[] =>
  Object.entries(user.groups).flatMap(([id, membership]) => {
    const group = register.groups.get(id)
    const shown = group && (scopes.includes('groups') || scopes.includes(scopeOf(group)))
    return shown ? [{ id, ...group, membership }] : []
  })

const scopeOf = ({ type }: Group): string => {
  if (/^fc:org(unit)?$/.test(type)) return 'groups-org'
  return /^fc:(gogroup|grep\d*|fs:.*)$/.test(type) ? 'groups-edu' : 'groups-other'
}

const isActive = ({ notBefore, notAfter, membership }: OwnGroup, now: number): boolean =>
  membership.active !== false &&
  (notBefore === undefined || Date.parse(notBefore) / 1000 <= now) &&
  (notAfter === undefined || Date.parse(notAfter) / 1000 > now)
