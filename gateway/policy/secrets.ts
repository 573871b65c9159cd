import type { Path } from './tree.ts'

/** Keys whose values are never shown. */
const SECRETS = new Set([
  'credentials',
  'password',
  'secret',
  'clientSecret',
  'bearer',
  'redis',
  'tls',
])

/** Whether what is at a path is, or may hold, a secret. */
export const isSecret = (path: Path): boolean => path.some(step => SECRETS.has(String(step)))

/** A variable without a default, and with nothing around it: its name is no secret. */
const BARE_VARIABLE = /^\$\{(?:[A-Za-z_][A-Za-z0-9_]*|file:[^}]*)\}$/

export const isBareVariable = (text: string): boolean => BARE_VARIABLE.test(text)

/** A URL without the user and the password in it. */
export const withoutUserinfo = (text: string): string => text.replace(/\/\/.*@/s, '//…@')
