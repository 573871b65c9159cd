import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'

const CLAIMS = ['name', 'picture', 'userid_sec', 'eduPersonPrincipalName', 'nin'] as const
const GRANTS = ['client_credentials', 'token_exchange'] as const

const dataSource = z.strictObject({
  audience: z.string().startsWith('https://n.feide.no/datasources/'),
  claims: z.array(z.enum(CLAIMS)).default([]),
})

const client = z.strictObject({
  name: z.string(),
  secret: z.string().min(8),
  scopes: z.array(z.string().regex(/^[^\s,]+$/)),
  grants: z.array(z.enum(GRANTS)).default([...GRANTS]),
})

const user = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  eduPersonPrincipalName: z.string(),
  picture: z.string().optional(),
  nin: z.string().optional(),
})

const register = z.strictObject({
  // No underscore in an id: `gk_<id>_<sub>` must read in one way only.
  dataSources: z.record(z.string().regex(/^[a-z][a-z0-9-]{1,62}$/), dataSource),
  clients: z.record(z.string(), client),
  users: z.record(z.string(), user),
})

export type User = Readonly<z.infer<typeof user>>
export type DataSource = Readonly<z.infer<typeof dataSource>> & { readonly id: string }
export type Client = Readonly<z.infer<typeof client>> & { readonly id: string }
export type Grant = (typeof GRANTS)[number]

/** Everybody the stand-in knows, found the way a request names them. */
export interface Register {
  readonly clients: ReadonlyMap<string, Client>
  readonly users: ReadonlyMap<string, User>
  readonly dataSourcesByAudience: ReadonlyMap<string, DataSource>
}

/** Throws a ZodError that names every fault. */
export const parseRegister = (yaml: string): Register => {
  const { clients, users, dataSources } = register.parse(parse(yaml))
  return {
    clients: new Map(Object.entries(clients).map(([id, it]) => [id, { ...it, id }])),
    users: new Map(Object.entries(users)),
    dataSourcesByAudience: new Map(
      Object.entries(dataSources).map(([id, it]) => [it.audience, { ...it, id }]),
    ),
  }
}

/** The demo's register, `feide.yaml` beside this folder. */
export const readRegister = (): Register =>
  parseRegister(readFileSync(new URL('../feide.yaml', import.meta.url), 'utf8'))
