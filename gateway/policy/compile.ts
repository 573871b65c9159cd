import type { Access, DataSource, FeideCredentials, HeaderRules, Route } from '../model.ts'
import { neverTaken, PROFILE_PREFIX } from './checks.ts'
import { groupByHost, pathRules } from './checks-hosts.ts'
import { compileUpstream, pemOf } from './compile-upstream.ts'
import { compilePasses } from './header-names.ts'
import { profileNames } from './identity.ts'
import { compileRanges } from './ip.ts'
import type { Pems } from './pem.ts'
import type { HostPolicy, Policy } from './policy.ts'
import { parseRouteKey, type RouteKey } from './route-key.ts'
import { compileRoutes } from './routes.ts'
import type { DataSourceFile, PolicyFile } from './schema.ts'

type LineOf = (dataSource: string, route: string) => number

/** Compiles a file that has passed every check. Strings, tables and sets are made here, once. */
export function compilePolicy(
  file: PolicyFile,
  about: Pick<Policy, 'file' | 'hash' | 'included'>,
  pems: Pems,
  lineOf: LineOf,
): Policy {
  const never = neverTaken(file)
  const dataSources = new Map<string, DataSource>()
  const routes: Route[] = []
  for (const [id, entry] of Object.entries(file.dataSources)) {
    const dataSource = compileDataSource(id, entry, never, pems)
    dataSources.set(id, dataSource)
    routes.push(...compileRouteList(dataSource, entry, lineOf))
  }
  const { dataSources: _, trustedProxies, ...settings } = file
  const hosts = compileHosts(file, dataSources, routes)
  const anyHost = hosts.get('')
  hosts.delete('')
  return {
    ...about,
    ...settings,
    redis: file.redis,
    tls: file.tls && { cert: pemOf(pems, file.tls.cert), key: pemOf(pems, file.tls.key) },
    trustedProxies: compileRanges(trustedProxies),
    dataSources: [...dataSources.values()],
    routes,
    hosts,
    anyHost,
  }
}

function compileDataSource(
  id: string,
  entry: DataSourceFile,
  never: { names: ReadonlySet<string> },
  pems: Pems,
): DataSource {
  return {
    id,
    audiences: typeof entry.audience === 'string' ? [entry.audience] : entry.audience,
    hosts: entry.hosts ?? [],
    upstream: compileUpstream(entry.upstream, pems),
    headers: compileHeaders(id, entry.headers, never),
    paths: pathRules(entry.paths),
    exchange: entry.exchange && compileFeide(entry.exchange),
    maxBody: entry.maxBody === 'none' ? Number.POSITIVE_INFINITY : entry.maxBody,
    closeAtExpiry: {
      webSockets: entry.websocket.closeAtExpiry,
      answers: entry.streams.closeAtExpiry,
    },
  }
}

const compileFeide = ({ clientId, clientSecret, scope }: FeideFile): FeideCredentials => ({
  clientId,
  clientSecret,
  scope,
})

type FeideFile = NonNullable<DataSourceFile['exchange']>

function compileHeaders(
  id: string,
  entry: DataSourceFile['headers'],
  never: { names: ReadonlySet<string> },
): HeaderRules {
  const prefix = PROFILE_PREFIX[entry.profile]
  return {
    profile: prefix && profileNames(prefix),
    gatekeeper: entry.gatekeeper ?? id,
    userid: entry.userid,
    useridSec: new Set(entry.useridSec),
    renameScopes: new Map(Object.entries(entry.scopes.rename)),
    dropScopes: new Set(entry.scopes.drop),
    apiToken: entry.token && {
      ...compileFeide(entry.token),
      required: entry.token.failure === 'required',
    },
    inject: Object.entries(entry.inject).map(([name, rule]) => ({ name, ...rule })),
    passes: compilePasses(never, new Set(entry.allow.map(name => name.toLowerCase()))),
  }
}

function compileRouteList(dataSource: DataSource, entry: DataSourceFile, lineOf: LineOf): Route[] {
  const accesses = new Map<string, Access>()
  return Object.entries(entry.routes).map(([key, asks]) => {
    const { methods, pattern } = parseRouteKey(key, dataSource.paths) as RouteKey
    const restricted = typeof asks === 'string' ? undefined : asks
    return {
      dataSource,
      key,
      line: lineOf(dataSource.id, key),
      methods,
      pattern,
      access: shared(accesses, compileAccess(asks)),
      principal: restricted?.principal ?? 'any',
      clients: restricted?.clients && new Set(restricted.clients),
      // The others ask for nothing that could be let go: a token is always a good one.
      enforce: restricted ? (restricted.enforce ?? entry.enforce) : true,
    }
  })
}

/** What many routes ask for alike is one object: it stays in the processor's cache, whatever route is asked for. */
function shared(known: Map<string, Access>, access: Access): Access {
  const key = JSON.stringify(access)
  const same = known.get(key) ?? access
  known.set(key, same)
  return same
}

function compileAccess(asks: DataSourceFile['routes'][string]): Access {
  if (typeof asks === 'string') return { kind: asks }
  const { scopes } = asks
  if (Array.isArray(scopes)) return { kind: 'scopes', anyOf: [scopes] }
  const anyOf = scopes.anyOf.map(entry => (typeof entry === 'string' ? [entry] : entry))
  return { kind: 'scopes', anyOf }
}

/** One table for each host; under `''` that of any other host. */
function compileHosts(
  file: PolicyFile,
  dataSources: ReadonlyMap<string, DataSource>,
  routes: readonly Route[],
): Map<string, HostPolicy> {
  const hosts = new Map<string, HostPolicy>()
  for (const [host, ids] of groupByHost(file)) {
    const own = ids.map(id => dataSources.get(id) as DataSource)
    const members = new Set(own)
    const served = routes.filter(route => members.has(route.dataSource))
    const table = compileRoutes(served, own[0]?.paths.caseInsensitive ?? false)
    hosts.set(host, { table, dataSources: own, scopes: scopesOf(served) })
  }
  return hosts
}

function scopesOf(routes: readonly Route[]): string[] {
  const scopes = routes.flatMap(({ access }) =>
    access.kind === 'scopes' ? access.anyOf.flat() : [],
  )
  return [...new Set(scopes)].sort()
}
