import { z } from 'zod'
import { duration, list, scope, text } from '../../../gateway/policy/scalars.ts'

/** The shape of `feide.yaml`. The message of each scalar is what was expected. */

const CLAIMS = ['name', 'picture', 'userid_sec', 'eduPersonPrincipalName', 'nin'] as const
const GRANTS = ['client_credentials', 'token_exchange', 'authorization_code'] as const

const name = () => text(/\S/, 'a name')
const secret = () => text(/^.{8,}$/, 'a secret of at least eight characters')

const HTTP = String.raw`https?:\/\/(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:[/?]|$)`
// RFC 8252 section 7.1: a private scheme has a dot, which `javascript:` and its like have not.
const PRIVATE = String.raw`[A-Za-z][A-Za-z0-9+-]*\.[A-Za-z0-9.+-]*:`
const REDIRECT_URI = new RegExp(`^(?:${HTTP}|${PRIVATE})[!$-;=?-Z_a-z~]*$`)

const A_REDIRECT_URI = 'a redirect URI: http(s)://HOST/… or my.scheme:/…, without user and fragment'
const redirectUri = () =>
  text(REDIRECT_URI, A_REDIRECT_URI).refine(uri => URL.canParse(uri), { error: A_REDIRECT_URI })

/** What an API needs to exchange the JWTs that it is sent for opaque tokens. */
const dataSourceClient = z.strictObject({ id: name(), secret: secret(), scopes: z.array(scope()) })

const dataSource = z.strictObject({
  audience: text(
    /^https:\/\/n\.feide\.no\/datasources\/\S+$/,
    'https://n.feide.no/datasources/<id>',
  ),
  accessLevels: z.array(scope()).default([]),
  claims: z.array(z.enum(CLAIMS)).default([]),
  client: dataSourceClient.optional(),
})

const client = z.strictObject({
  name: name(),
  /** Without one the client is public (RFC 6749 section 2.1). */
  secret: secret().optional(),
  redirectUris: z.array(redirectUri()).default([]),
  scopes: z.array(scope()),
  grants: list(z.enum(GRANTS), 'at least one grant').optional(),
})

const membership = z.strictObject({
  basic: z.enum(['member', 'admin', 'owner']),
  displayName: name().optional(),
  active: z.boolean().optional(),
  affiliation: z.array(name()).optional(),
  primaryAffiliation: name().optional(),
  title: z.array(name()).optional(),
  fsroles: z.array(name()).optional(),
  primaryOrgUnit: z.boolean().optional(),
  primarySchool: z.boolean().optional(),
})

const group = z.strictObject({
  type: text(/^\S+:\S+$/, 'a type such as fc:org'),
  displayName: name(),
  description: name().optional(),
  parent: name().optional(),
  public: z.boolean().optional(),
  orgType: z.array(name()).optional(),
  eduOrgLegalName: name().optional(),
  norEduOrgNIN: name().optional(),
  mail: name().optional(),
  url: name().optional(),
  notBefore: z.iso.datetime({ error: 'a time such as 2026-08-01T00:00:00Z' }).optional(),
  notAfter: z.iso.datetime({ error: 'a time such as 2026-08-01T00:00:00Z' }).optional(),
})

const user = z.strictObject({
  id: z.uuid({ error: 'a UUID' }),
  name: name(),
  eduPersonPrincipalName: text(/^[^\s@]+@[^\s@]+$/, 'a name such as bjorn@example.no'),
  email: text(/^[^\s@]+@[^\s@]+$/, 'an address such as bjorn@example.no').optional(),
  picture: name().optional(),
  nin: text(/^\d{11}$/, 'eleven digits, in quotes').optional(),
  /** Memberships, by the id of the group. */
  groups: z.record(z.string(), membership).default({}),
})

// No underscore in an id: `gk_<id>_<sub>` must read in one way only.
const dataSourceId = text(
  /^[a-z][a-z0-9-]{1,62}$/,
  'an id of 2 to 63 small letters, digits and hyphens',
)

export const REGISTER_FILE = z.strictObject({
  keys: z.strictObject({ overlap: duration().prefault('10m') }).prefault({}),
  dataSources: z.record(dataSourceId, dataSource),
  clients: z.record(z.string(), client),
  groups: z.record(z.string(), group).default({}),
  users: z.record(z.string(), user),
})

export type RegisterFile = z.output<typeof REGISTER_FILE>
export type Grant = (typeof GRANTS)[number]
export type ClientFile = Readonly<z.output<typeof client>>
export type DataSourceFile = Readonly<z.output<typeof dataSource>>
export type Group = Readonly<z.output<typeof group>>
export type Membership = Readonly<z.output<typeof membership>>
export type User = Readonly<z.output<typeof user>>
