/** Where Redis is, read from the policy's `redis.url`. */
export interface RedisAddress {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly tls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  /** The name of the Sentinel group; empty for the others. */
  readonly group: string
  readonly database: number
}

const FORM =
  /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?#]+)(?:\/([^?#]*))?$/

/**
 * Reads `redis[s]://user:password@host:6379/0`, `redis[s]+sentinel://host:26379,host:26379/group/0`
 * and `redis[s]+cluster://host:6379,host:6379`; `undefined` for anything else. User name and password
 * are percent-encoded, as in any URL; for Sentinel they are those of Redis itself.
 */
export function parseRedisUrl(url: string): RedisAddress | undefined {
  const [, tls, form, username, password, hosts = '', path = ''] = FORM.exec(url) ?? []
  const kind = (form as 'sentinel' | 'cluster' | undefined) ?? 'single'
  const nodes = hosts.split(',').map(host => parseNode(host, kind))
  const steps = path.split('/').filter(step => step !== '')
  const group = kind === 'sentinel' ? steps.shift() : ''
  const [database = '0', more] = steps
  const valid =
    nodes.every(node => node !== undefined) &&
    (kind !== 'single' || nodes.length === 1) &&
    (kind !== 'cluster' || database === '0') &&
    group !== undefined &&
    more === undefined &&
    /^\d{1,5}$/.test(database)
  if (!valid) return undefined
  return {
    kind,
    tls: tls === 's',
    username: decode(username),
    password: decode(password),
    nodes: nodes.filter(node => node !== undefined),
    group,
    database: Number(database),
  }
}

function parseNode(text: string, kind: RedisAddress['kind']) {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[^:[\]@]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  if (host === undefined || Number(port ?? 0) > 65_535) return undefined
  const usual = kind === 'sentinel' ? 26_379 : 6_379
  return { host: host.replace(/^\[|\]$/g, ''), port: port === undefined ? usual : Number(port) }
}

function decode(text: string | undefined): string | undefined {
  if (!text) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
