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

/**
 * An unknown key as it may be shown. It is most often a word that was misspelt, but what follows a colon
 * without a space belongs to the key as well, and so may what follows without a colon; and a key without a
 * value may be the value of the one before it.
 */
export function shownKey(key: string, hasValue: boolean): string {
  const [word = ''] = hasValue ? (/^[A-Za-z_-]{0,40}/.exec(key) ?? []) : []
  const joined = [...SECRETS].find(name => word.startsWith(name) && word.length > name.length + 1)
  const shown = joined ?? word
  return shown === key ? key : `${shown}…`
}
