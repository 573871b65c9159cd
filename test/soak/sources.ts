/**
 * What the gateway is told to do, and what the oracle goes by. Its own reading of the policy, and none
 * of the gateway's code.
 */

export type Access =
  | { readonly kind: 'public' | 'authenticated' }
  | {
      readonly kind: 'scopes'
      /** One of these suffices, all of its scopes. */
      readonly anyOf: readonly (readonly string[])[]
      readonly principal?: 'user' | 'system'
      readonly clients?: readonly string[]
    }

export type Route = {
  readonly methods: readonly string[]
  /** With `{}` for any segment; `/**` at the end for any number of them. */
  readonly pattern: string
  readonly access: Access
}

export type Injected = {
  readonly name: string
  readonly claim: string
  readonly encoding: 'ascii' | 'percent' | 'base64url'
}

export type Source = {
  readonly id: string
  /** Without: every host that no other one has. */
  readonly host?: string
  readonly audience: string
  readonly prefix?: string
  readonly kinds: readonly string[]
  readonly rename: Readonly<Record<string, string>>
  readonly drop: readonly string[]
  readonly inject: readonly Injected[]
  readonly strip: readonly string[]
  readonly allow: readonly string[]
  readonly credentials: 'basic' | 'bearer' | 'forward'
  readonly basePath: string
  /** The `Host` that the upstream is told: its own, the caller's, or a name. */
  readonly upstreamHost: 'upstream' | 'preserve' | { readonly name: string }
  readonly maxBody: number
  readonly routes: readonly Route[]
}

export const CLIENTS = [
  '208335d4-e8c1-4910-8928-05b2e5b14127',
  '7e0c8a35-2c5f-4c3e-9f0e-7a9a1d4b6c11',
  '11111111-2222-4333-8444-555555555555',
  'client.with_other+characters~1',
] as const

export const SECRETS = { basic: 'what the old gatekeeper knew', bearer: 'a-fixed-token' } as const

export const KIB = 1024
export const ANY = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const audience = (id: string) => `https://n.feide.no/datasources/soak-${id}`
const scopes = (...anyOf: readonly (readonly string[])[]): Access => ({ kind: 'scopes', anyOf })

const PUBLIC: Access = { kind: 'public' }
const AUTHENTICATED: Access = { kind: 'authenticated' }

export const SOURCES: readonly Source[] = [
  {
    id: 'grades',
    host: 'grades.test',
    audience: audience('grades'),
    prefix: 'X-Dataporten-',
    kinds: ['feide', 'nin'],
    rename: { readall: 'read' },
    drop: ['basic'],
    inject: [{ name: 'X-User-Name', claim: 'name', encoding: 'percent' }],
    strip: ['X-Remote-User'],
    allow: ['api_key'],
    credentials: 'basic',
    basePath: '',
    upstreamHost: 'upstream',
    maxBody: 64 * KIB,
    routes: [
      { methods: ['GET'], pattern: '/courses', access: scopes(['read']) },
      { methods: ['GET'], pattern: '/courses/{}', access: scopes(['read'], ['audit', 'list']) },
      {
        methods: ['POST', 'PUT', 'PATCH'],
        pattern: '/courses/{}',
        access: { kind: 'scopes', anyOf: [['append']], principal: 'user' },
      },
      {
        methods: ANY,
        pattern: '/admin/**',
        access: { kind: 'scopes', anyOf: [['admin']], clients: CLIENTS.slice(0, 2) },
      },
      { methods: ['GET'], pattern: '/me', access: AUTHENTICATED },
      {
        methods: ANY,
        pattern: '/batch',
        access: { kind: 'scopes', anyOf: [['append']], principal: 'system' },
      },
      { methods: ANY, pattern: '/open/**', access: PUBLIC },
    ],
  },
  {
    id: 'library',
    host: 'library.test',
    audience: audience('library'),
    prefix: 'X-FeideConnect-',
    kinds: ['feide'],
    rename: {},
    drop: [],
    inject: [
      { name: 'X-Role', claim: 'role', encoding: 'ascii' },
      { name: 'X-Groups', claim: 'groups', encoding: 'base64url' },
    ],
    strip: [],
    allow: [],
    credentials: 'bearer',
    basePath: '/base/v1',
    upstreamHost: { name: 'legacy.internal' },
    maxBody: 1024 * KIB,
    routes: [
      { methods: ANY, pattern: '/items/**', access: AUTHENTICATED },
      { methods: ['DELETE'], pattern: '/items/{}', access: scopes(['write', 'delete']) },
      { methods: ANY, pattern: '/open/**', access: PUBLIC },
    ],
  },
  {
    id: 'notes',
    audience: audience('notes'),
    kinds: [],
    rename: {},
    drop: [],
    inject: [
      { name: 'X-User-Id', claim: 'sub', encoding: 'ascii' },
      { name: 'X-Client', claim: 'client_id', encoding: 'ascii' },
    ],
    strip: [],
    allow: [],
    credentials: 'forward',
    basePath: '',
    upstreamHost: 'preserve',
    maxBody: 1024 * KIB,
    routes: [
      { methods: ANY, pattern: '/notes/{}/**', access: AUTHENTICATED },
      { methods: ['GET', 'POST'], pattern: '/open/{}', access: PUBLIC },
    ],
  },
]
