import type { Claims, DataSource, HeaderRules, Principal, Upstream } from '../model.ts'
import { headerValue, isUnrepresentable, listEntry, type Unrepresentable } from './claim-values.ts'
import { type Denial, deny } from './denial.ts'

/** Claims of Feide that the legacy headers are made of. */
export const FEIDE_CLAIMS = {
  eduPersonPrincipalName: 'https://n.feide.no/claims/eduPersonPrincipalName',
  nin: 'https://n.feide.no/claims/nin',
  useridSec: 'https://n.feide.no/claims/userid_sec',
} as const

/** What is read from a verified token to tell an upstream about the caller. */
interface Told {
  readonly principal: Principal
  readonly scopes: readonly string[]
  readonly claims: Claims
  /** The compact form, for an upstream that is configured to get it (`credentials: forward`). */
  readonly text: string
}

/**
 * What an upstream is told about the caller (contract 4): the profile's headers, the credentials and
 * the injected claims. A header whose value would be empty is absent; a value that cannot be written
 * refuses the request. An absent `X-Dataporten-userid` is a system request to every legacy API.
 */
export function identityHeaders(
  dataSource: DataSource,
  token: Told | undefined,
): string[] | Denial {
  const { headers: rules, upstream } = dataSource
  const block: string[] = []
  for (const [name, value] of identityOf(rules, token)) {
    if (isUnrepresentable(value)) return unrepresentable(dataSource, name, value)
    if (value !== undefined) block.push(name, value)
  }
  const authorization = token && authorizationFor(upstream, token)
  if (authorization) block.push('Authorization', authorization)
  return block
}

type Field = readonly [name: string, value: string | Unrepresentable | undefined]

function identityOf(rules: HeaderRules, token: Told | undefined): Field[] {
  const fields: Field[] = []
  if (rules.prefix !== undefined) {
    fields.push([`${rules.prefix}gatekeeper`, rules.gatekeeper])
    if (token) fields.push(...profileFields(rules.prefix, rules, token))
  }
  if (token) {
    for (const { name, claim, encoding } of rules.inject) {
      const value = Object.hasOwn(token.claims, claim) ? token.claims[claim] : undefined
      fields.push([name, headerValue(value, encoding)])
    }
  }
  return fields
}

function profileFields(prefix: string, rules: HeaderRules, token: Told): Field[] {
  const { principal } = token
  const user = principal.kind === 'user' ? principal : undefined
  return [
    [`${prefix}clientid`, principal.clientId],
    [`${prefix}userid`, user && rules.userid ? user.userId : undefined],
    [`${prefix}userid-sec`, user && secondaryIds(rules, token)],
    [`${prefix}scopes`, joined(scopesFor(rules, token.scopes))],
  ]
}

function scopesFor(rules: HeaderRules, scopes: readonly string[]): string[] {
  return scopes
    .map(scope => rules.renameScopes.get(scope) ?? scope)
    .filter(scope => !rules.dropScopes.has(scope))
}

function secondaryIds(
  { useridSec }: HeaderRules,
  { claims }: Told,
): string | Unrepresentable | undefined {
  const ids: unknown[] = []
  for (const [kind, claim] of [
    ['feide', FEIDE_CLAIMS.eduPersonPrincipalName],
    ['nin', FEIDE_CLAIMS.nin],
  ] as const) {
    const value = useridSec.has(kind) ? (claims[claim] ?? '') : ''
    if (value !== '') ids.push(typeof value === 'string' ? `${kind}:${value}` : {})
  }
  const listed = claims[FEIDE_CLAIMS.useridSec] ?? []
  const entries = typeof listed === 'string' ? listed.split(',').map(id => id.trim()) : listed
  if (!Array.isArray(entries)) return { unrepresentable: 'is neither a list nor a string' }
  for (const entry of entries) {
    if (typeof entry !== 'string') ids.push({})
    else if (isOfKind(entry, useridSec)) ids.push(entry)
  }
  return joined(ids)
}

function isOfKind(entry: string, kinds: ReadonlySet<string>): boolean {
  const colon = entry.indexOf(':')
  return colon > 0 && colon < entry.length - 1 && kinds.has(entry.slice(0, colon))
}

/** Sorted, without duplicates, joined by commas; `undefined` for an empty list. */
function joined(values: readonly unknown[]): string | Unrepresentable | undefined {
  const entries = new Set<string>()
  for (const value of values) {
    const entry = listEntry(value)
    if (isUnrepresentable(entry)) return entry
    entries.add(entry)
  }
  return [...entries].sort().join(',') || undefined
}

function authorizationFor({ credentials }: Upstream, token: Told): string | undefined {
  if (credentials.kind === 'none') return undefined
  return credentials.kind === 'forward' ? `Bearer ${token.text}` : credentials.authorization
}

function unrepresentable(
  dataSource: DataSource,
  name: string,
  { unrepresentable }: Unrepresentable,
) {
  const detail = `A claim of the token cannot be written to ${name}: it ${unrepresentable}`
  return deny('claim_unrepresentable', detail, { dataSource, cause: detail })
}
