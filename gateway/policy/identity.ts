import type {
  Claims,
  DataSource,
  HeaderRules,
  Principal,
  ProfileNames,
  VerifiedToken,
} from '../model.ts'
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
}

/**
 * What an upstream is told about the caller (contract 4): the profile's headers, the injected claims and
 * the credentials, but for a token that is passed on, see `forwarded`. A header whose value would be empty is absent; a value that cannot be written
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
  const { credentials } = upstream
  if (token && credentials.kind === 'static') block.push('Authorization', credentials.authorization)
  // As long as it is: what was pushed to has room for more, and this is kept for every token.
  return block.slice()
}

/** The value of `Authorization` for `credentials: forward`: what is remembered of a token is without its text. */
export const forwarded = ({ dataSource, text }: VerifiedToken): string | undefined =>
  dataSource.upstream.credentials.kind === 'forward' ? `Bearer ${text}` : undefined

/** Made when the policy loads: a name that is put together anew for every token is kept for every token. */
export const profileNames = (prefix: string): ProfileNames => ({
  gatekeeper: `${prefix}gatekeeper`,
  clientid: `${prefix}clientid`,
  userid: `${prefix}userid`,
  'userid-sec': `${prefix}userid-sec`,
  scopes: `${prefix}scopes`,
  token: `${prefix}token`,
})

type Field = readonly [name: string, value: string | Unrepresentable | undefined]

function identityOf(rules: HeaderRules, token: Told | undefined): Field[] {
  const fields: Field[] = []
  const { profile } = rules
  if (profile) {
    fields.push([profile.gatekeeper, rules.gatekeeper])
    if (token) fields.push(...profileFields(profile, rules, token))
  }
  if (token) {
    for (const { name, claim, encoding } of rules.inject) {
      const value = Object.hasOwn(token.claims, claim) ? token.claims[claim] : undefined
      fields.push([name, headerValue(value, encoding)])
    }
  }
  return fields
}

function profileFields(names: ProfileNames, rules: HeaderRules, token: Told): Field[] {
  const { principal } = token
  const user = principal.kind === 'user' ? principal : undefined
  return [
    [names.clientid, principal.clientId],
    [names.userid, user && rules.userid ? user.userId : undefined],
    [names['userid-sec'], user && secondaryIds(rules, token)],
    [names.scopes, joined(scopesFor(rules, token.scopes))],
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

function unrepresentable(
  dataSource: DataSource,
  name: string,
  { unrepresentable }: Unrepresentable,
) {
  const detail = `A claim of the token cannot be written to ${name}: it ${unrepresentable}`
  return deny('claim_unrepresentable', detail, { dataSource, cause: detail })
}
