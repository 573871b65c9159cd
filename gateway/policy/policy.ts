import type { DataSource, Route } from '../model.ts'
import type { IpRanges } from './ip.ts'
import type { RouteTable } from './routes.ts'
import type { PolicyFile } from './schema.ts'

/** The data sources of one host: one table of routes, one rule for paths. */
export interface HostPolicy {
  readonly table: RouteTable
  readonly dataSources: readonly DataSource[]
  /** Read off the routes, in alphabetical order (RFC 9728 `scopes_supported`). */
  readonly scopes: readonly string[]
}

export type IssuerPolicy = PolicyFile['issuer']
export type KeysPolicy = PolicyFile['keys']

/** Everything the gateway allows, parsed once and compiled; nothing of it changes afterwards. */
export interface Policy {
  readonly file: string
  /** SHA-256 of the text of the file, in hex. */
  readonly hash: string
  /** Further files that were read: through `${file:…}`, certificates and keys. */
  readonly included: readonly string[]
  readonly listen: PolicyFile['listen']
  readonly admin: PolicyFile['admin']
  readonly workers: PolicyFile['workers']
  /** The certificate that callers are shown, as PEM; `undefined`: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  readonly log: PolicyFile['log']
  readonly limits: PolicyFile['limits']
  readonly issuer: IssuerPolicy
  readonly keys: KeysPolicy
  readonly redis: PolicyFile['redis']
  /** Peers whose `X-Forwarded-*` is believed. */
  readonly trustedProxies: IpRanges
  readonly dataSources: readonly DataSource[]
  readonly routes: readonly Route[]
  readonly hosts: ReadonlyMap<string, HostPolicy>
  /** For hosts that no data source names. */
  readonly anyHost: HostPolicy | undefined
}
