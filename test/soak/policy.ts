import { stringify } from 'yaml'
import { ANY, KIB, type Route, SECRETS, SOURCES, type Source } from './sources.ts'

export type PolicyTexts = { readonly issuer: string; readonly upstream: string }

/** Milliseconds; short, so that slow callers do not hold the others up. */
export const TIMES = { headers: 5_000, body: 4_000 } as const

/** The policy file of the soak. */
export function policyText({ issuer, upstream }: PolicyTexts): string {
  const limits = { headerTimeout: `${TIMES.headers}ms`, bodyIdle: `${TIMES.body}ms`, drain: '10s' }
  return stringify(
    {
      listen: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      limits,
      issuer: { url: issuer, maxLifetime: '48h' },
      dataSources: Object.fromEntries(SOURCES.map(one => [one.id, dataSource(one, upstream)])),
    },
    { lineWidth: 0, keepUndefined: false },
  )
}

function dataSource(source: Source, upstream: string): object {
  const { id, host, prefix, basePath, upstreamHost, maxBody, credentials } = source
  return {
    audience: source.audience,
    hosts: host === undefined ? undefined : [host],
    upstream: {
      url: upstream + basePath,
      host: typeof upstreamHost === 'string' ? upstreamHost : upstreamHost.name,
      credentials: CREDENTIALS[credentials],
    },
    headers: {
      profile: PROFILES[prefix ?? ''],
      gatekeeper: prefix === undefined ? undefined : id,
      useridSec: source.kinds,
      scopes: { rename: source.rename, drop: source.drop },
      inject: Object.fromEntries(
        source.inject.map(({ name, claim, encoding }) => [name, { claim, encoding }]),
      ),
      strip: source.strip,
      allow: source.allow,
    },
    maxBody: `${maxBody / KIB}KiB`,
    routes: Object.fromEntries(source.routes.map(routeEntry)),
  }
}

const CREDENTIALS = {
  basic: { basic: { username: 'dataporten', password: SECRETS.basic } },
  bearer: { bearer: SECRETS.bearer },
  forward: 'forward',
} as const

const PROFILES: Readonly<Record<string, string>> = {
  'X-Dataporten-': 'dataporten',
  'X-FeideConnect-': 'feideconnect',
  '': 'none',
}

function routeEntry({ methods, pattern, access }: Route): [string, unknown] {
  let count = 0
  const named = pattern.replaceAll('{}', () => `{p${++count}}`)
  const key = `${methods === ANY ? 'ANY' : methods.join()} ${named}`
  if (access.kind !== 'scopes') return [key, access.kind]
  const { anyOf, principal, clients } = access
  const asked = anyOf.length === 1 ? anyOf[0] : { anyOf }
  return [key, { scopes: asked, principal, clients }]
}
