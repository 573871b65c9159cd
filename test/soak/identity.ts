import { type Injected, SECRETS, type Source } from './sources.ts'
import type { Person, Token } from './tokens.ts'

/** What an upstream must be told of a token, and of none, as the contract with it says. */

export type Identity = readonly (readonly [name: string, value: string])[]

/** A claim that cannot be written as a header: the request is refused. */
export const UNWRITABLE = 'claim_unrepresentable'

export function identityFor(
  source: Source,
  token: Token | undefined,
): Identity | typeof UNWRITABLE {
  const { prefix, id } = source
  const told: [string, string | undefined][] = []
  if (prefix !== undefined) {
    told.push([`${prefix}gatekeeper`, id])
    if (token !== undefined) told.push(...profile(prefix, source, token.person))
  }
  if (token !== undefined) {
    for (const injected of source.inject) told.push([injected.name, claim(token.person, injected)])
    told.push(['Authorization', authorization(source, token)])
  }
  const present = told.filter((pair): pair is [string, string] => Boolean(pair[1]))
  return present.some(([, value]) => !isWritable(value)) ? UNWRITABLE : present
}

/** All that is written here is plain ASCII: everything else is encoded, or unwritable. */
const isWritable = (value: string): boolean => /^[!-~]([ -~]*[!-~])?$/.test(value)

function profile(prefix: string, source: Source, person: Person): [string, string | undefined][] {
  const { clientId, userId, scopes } = person
  const names = scopes.map(scope => source.rename[scope] ?? scope)
  const left = names.filter(scope => !source.drop.includes(scope))
  return [
    [`${prefix}clientid`, clientId],
    [`${prefix}userid`, userId],
    [`${prefix}userid-sec`, userId === undefined ? '' : listed(secondaryIds(source, person))],
    [`${prefix}scopes`, listed(left)],
  ]
}

function secondaryIds({ kinds }: Source, { principalName, nin, secondary = [] }: Person): string[] {
  const ids = [...secondary]
  if (principalName !== undefined) ids.push(`feide:${principalName}`)
  if (nin !== undefined) ids.push(`nin:${nin}`)
  return ids.filter(id => kinds.includes(id.slice(0, id.indexOf(':'))))
}

/** Sorted, once each, with commas between. */
const listed = (values: readonly string[]): string => [...new Set(values)].sort().join(',')

function claim(person: Person, { claim, encoding }: Injected): string | undefined {
  const claims: Readonly<Record<string, string | readonly string[] | undefined>> = {
    name: person.name,
    role: person.role,
    groups: person.groups,
    sub: person.userId ?? person.clientId,
    client_id: person.clientId,
  }
  const value = claims[claim]
  if (value === undefined) return undefined
  const entries = typeof value === 'string' ? [value] : value
  return entries.map(entry => ENCODINGS[encoding](entry)).join(',')
}

const ENCODINGS = {
  ascii: (text: string) => text,
  base64url: (text: string) => Buffer.from(text).toString('base64url'),
  percent: (text: string) =>
    [...Buffer.from(text)]
      .map(byte => String.fromCharCode(byte))
      .map(char => (/[A-Za-z0-9\-._~]/.test(char) ? char : `%${hex(char)}`))
      .join(''),
}

const hex = (char: string) => char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')

function authorization({ credentials }: Source, token: Token): string {
  if (credentials === 'forward') return `Bearer ${token.text}`
  if (credentials === 'bearer') return `Bearer ${SECRETS.bearer}`
  return `Basic ${Buffer.from(`dataporten:${SECRETS.basic}`).toString('base64')}`
}
