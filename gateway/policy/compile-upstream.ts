import type { Credentials, Origin, Upstream } from '../model.ts'
import { basePathOf } from './checks-upstream.ts'
import type { Pems } from './pem.ts'
import type { DataSourceFile } from './schema.ts'
import { UPSTREAM_MAP } from './schema-upstream.ts'

type UpstreamFile = Exclude<DataSourceFile['upstream'], string>

/** Compiles the upstream of one data source. */
export function compileUpstream(entry: DataSourceFile['upstream'], pems: Pems): Upstream {
  // The short form is a map with nothing but its URL.
  if (typeof entry === 'string') return compileUpstream(UPSTREAM_MAP.parse({ url: entry }), pems)
  const { url, urls, credentials, host, tls, health, ...numbers } = entry
  return {
    ...numbers,
    origins: (url === undefined ? (urls ?? []) : [url]).map(compileOrigin),
    credentials: compileCredentials(credentials),
    host: host === 'upstream' || host === 'preserve' ? host : { name: host },
    health,
    tls: compileTls(tls, pems),
  }
}

function compileOrigin(text: string): Origin {
  const url = new URL(text)
  return { origin: url.origin, host: url.host, basePath: basePathOf(text) }
}

function compileCredentials(entry: UpstreamFile['credentials']): Credentials {
  if (entry === 'none' || entry === 'forward') return { kind: entry }
  if ('bearer' in entry) return { kind: 'static', authorization: `Bearer ${entry.bearer}` }
  const { username, password } = entry.basic
  const encoded = Buffer.from(`${username}:${password}`, 'utf8').toString('base64')
  return { kind: 'static', authorization: `Basic ${encoded}` }
}

function compileTls(entry: UpstreamFile['tls'], pems: Pems): Upstream['tls'] {
  const { ca, cert, key, serverName } = entry ?? {}
  return {
    ...(ca !== undefined && { ca: pemOf(pems, ca) }),
    ...(cert !== undefined && { cert: pemOf(pems, cert) }),
    ...(key !== undefined && { key: pemOf(pems, key) }),
    ...(serverName !== undefined && { serverName }),
  }
}

/** The text behind a setting; every setting was read when the policy was checked. */
export const pemOf = (pems: Pems, setting: string): string => pems.get(setting) ?? ''
