import { checkHosts, pathRules } from './checks-hosts.ts'
import { checkUpstream } from './checks-upstream.ts'
import type { Say } from './faults.ts'
import { fold, isNeverTaken, isReserved } from './header-names.ts'
import { isIpRange, isSafeForKeys } from './ip.ts'
import { parseRedisUrl } from './redis-url.ts'
import { parseRouteKey } from './route-key.ts'
import { DATA_SOURCE_ID, type DataSourceFile, type PolicyFile } from './schema.ts'
import type { Path } from './source.ts'

/** What the schema cannot say: how the values of a policy fit together. */
export function checkPolicy(file: PolicyFile, say: Say): void {
  checkIssuer(file, say)
  checkAddresses(file, say)
  checkRedis(file, say)
  const never = neverTaken(file)
  for (const [id, dataSource] of Object.entries(file.dataSources)) {
    if (!DATA_SOURCE_ID.test(id)) {
      const expected = 'an id of 2 to 63 small letters, digits and hyphens'
      say(['dataSources', id], expected, { got: JSON.stringify(id), at: 'key' })
    }
    checkUpstream(dataSource, ['dataSources', id, 'upstream'], say)
    checkHeaders(dataSource, ['dataSources', id, 'headers'], never, say)
    checkRouteKeys(dataSource, ['dataSources', id, 'routes'], say)
  }
  checkHosts(file, say)
}

/** Folded names that any data source injects or strips: taken from no caller, wherever it goes. */
export function neverTaken(file: PolicyFile): { names: ReadonlySet<string> } {
  const names = Object.values(file.dataSources).flatMap(({ headers }) => [
    ...Object.keys(headers.inject),
    ...headers.strip,
  ])
  return { names: new Set(names.map(fold)) }
}

export const PROFILE_PREFIX = {
  dataporten: 'X-Dataporten-',
  feideconnect: 'X-FeideConnect-',
  none: undefined,
} as const

function checkIssuer({ issuer }: PolicyFile, say: Say): void {
  const expected = 'https:// (or `issuer.allowHttp: true`)'
  if (issuer.url.endsWith('/')) {
    say(['issuer', 'url'], "no slash at the end, as in Feide's issuer", { severity: 'warning' })
  }
  for (const key of ['url', 'jwksUri'] as const) {
    const url = issuer[key]
    if (url !== undefined && !isSafeForKeys(url, issuer.allowHttp)) say(['issuer', key], expected)
  }
}

function checkAddresses({ listen, admin, trustedProxies }: PolicyFile, say: Say): void {
  const same = admin !== 'off' && admin.port === listen.port && admin.host === listen.host
  if (same && listen.port !== 0) say(['admin'], 'another address than `listen`')
  for (const [i, range] of trustedProxies.entries()) {
    if (!isIpRange(range)) say(['trustedProxies', i], 'an IP address or range such as 10.0.0.0/8')
  }
}

function checkRedis({ redis }: PolicyFile, say: Say): void {
  if (!redis) return
  if (!parseRedisUrl(redis.url)) say(['redis', 'url'], REDIS_URL)
  if (redis.secret === undefined) {
    const got = 'none: whoever can write to this Redis can make the gateway trust keys of theirs'
    say(['redis', 'secret'], 'a secret', { got, severity: 'warning' })
  }
}

const REDIS_URL =
  'redis[s]://HOST:PORT/DB, redis[s]+sentinel://HOST:PORT,…/GROUP or redis[s]+cluster://HOST:PORT,…'

function checkHeaders(
  { headers }: DataSourceFile,
  path: Path,
  never: { names: ReadonlySet<string> },
  say: Say,
): void {
  const prefix = PROFILE_PREFIX[headers.profile]?.toLowerCase()
  const seen = new Set<string>()
  for (const name of Object.keys(headers.inject)) {
    const folded = fold(name)
    const expected = injectionFault(folded, prefix, seen)
    if (expected) say([...path, 'inject', name], expected, { got: JSON.stringify(name), at: 'key' })
    seen.add(folded)
  }
  if (headers.token && prefix === undefined) {
    const expected = 'a profile that has a header for the token'
    say([...path, 'token'], expected, { got: 'profile: none', at: 'key' })
  }
  for (const [i, name] of headers.allow.entries()) {
    if (!isNeverTaken(fold(name), never)) continue
    const expected = 'a name that may pass (this one is never taken from a caller)'
    say([...path, 'allow', i], expected, { severity: 'warning' })
  }
}

function injectionFault(folded: string, prefix: string | undefined, seen: Set<string>) {
  if (prefix !== undefined && folded.startsWith(prefix))
    return 'a name that the profile does not use'
  if (isReserved(folded)) return 'a name that neither HTTP nor the gateway itself needs'
  if (seen.has(folded)) return 'a name that differs from the others in more than its punctuation'
  return undefined
}

function checkRouteKeys({ routes, paths }: DataSourceFile, path: Path, say: Say): void {
  for (const key of Object.keys(routes)) {
    const [, colon] = /\/(:[A-Za-z_]\w*)/.exec(key) ?? []
    if (colon !== undefined) {
      const expected = `{${colon.slice(1)}} for one segment`
      say([...path, key], expected, {
        got: `${colon}, which is itself alone`,
        at: 'key',
        severity: 'warning',
      })
    }
    const parsed = parseRouteKey(key, pathRules(paths))
    if (!Array.isArray(parsed)) continue
    for (const { expected, got } of parsed) say([...path, key], expected, { got, at: 'key' })
  }
}
