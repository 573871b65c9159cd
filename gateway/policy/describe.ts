import type { Access, Route } from '../model.ts'

/** The scopes that an access asks for, as alternatives; none for `authenticated` and `public`. */
export const alternatives = (access: Access): readonly (readonly string[])[] =>
  access.kind === 'scopes' ? access.anyOf : []

/** `read and append`, `read, or audit and list`, `any valid token`, `public`. */
export function describeAccess(access: Access): string {
  if (access.kind === 'public') return 'public'
  if (access.kind === 'authenticated') return 'any valid token'
  return access.anyOf.map(scopes => scopes.join(' and ')).join(', or ')
}

/** `read, for a user, for 2 client(s)`. */
export function describeRoute(route: Route): string {
  const { access, principal, clients } = route
  const whom = principal === 'any' ? '' : `, for a ${principal}`
  const only = clients ? `, for ${clients.size} client(s)` : ''
  return describeAccess(access) + whom + only + notEnforced(route)
}

/** Said of a route that lets through who lacks what it asks for. */
export const notEnforced = ({ enforce }: Route): string => (enforce ? '' : ' (not enforced)')
