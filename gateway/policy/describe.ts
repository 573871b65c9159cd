import type { Access } from '../model.ts'

/** The scopes that an access asks for, as alternatives; none for `authenticated` and `public`. */
export const alternatives = (access: Access): readonly (readonly string[])[] =>
  access.kind === 'scopes' ? access.anyOf : []

/** `read and append`, `read, or audit and list`, `any valid token`, `public`. */
export function describeAccess(access: Access): string {
  if (access.kind === 'public') return 'public'
  if (access.kind === 'authenticated') return 'any valid token'
  return access.anyOf.map(scopes => scopes.join(' and ')).join(', or ')
}
