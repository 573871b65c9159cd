import type { ClientOrigin, GatewayRequest, HeaderList, PathRules, RawRequest } from '../model.ts'
import { type Denial, deny } from './denial.ts'
import { type IpRanges, inRanges, plainAddress } from './ip.ts'
import { type Fields, type Message, readFields } from './message.ts'
import { canonicalPath } from './path.ts'
import type { HostPolicy, Policy } from './policy.ts'

export { MAX_TARGET } from './message.ts'

/** The data sources of a host: those that name it, else those without hosts (contract 2). */
export function findHost(policy: Policy, host: string): HostPolicy | Denial {
  const found = policy.hosts.get(host) ?? policy.anyHost
  return (
    found ?? deny('host_unknown', 'The policy of this gateway has no data source for this host')
  )
}

/** Reads what is left of a request, its path above all, by the rules of its host. */
export function readRequest(
  raw: RawRequest,
  { authority, body, fields }: Message,
  rules: PathRules,
  trustedProxies: IpRanges,
): GatewayRequest | Denial {
  const { target, method } = raw
  if (target.includes('#')) return ambiguous('a raw #')
  const mark = target.indexOf('?')
  const path = canonicalPath(mark === -1 ? target : target.slice(0, mark), rules)
  if (typeof path !== 'string') return ambiguous(path.ambiguous)
  const query = mark === -1 ? '' : target.slice(mark)
  // Node refuses it in HTTP/1.1, and nghttp2 lets most of it pass.
  if (/[^\x21-\x7e]/.test(query)) return ambiguous('a character that no URI may hold')
  return {
    method,
    authority,
    path,
    query,
    headers: raw.headers,
    preflight: readPreflight(method, fields),
    body,
    origin: readOrigin(raw, authority, fields, trustedProxies),
  }
}

const ambiguous = (what: string) => deny('path_ambiguous', `The request target holds ${what}`)

function readPreflight(method: string, fields: Fields): GatewayRequest['preflight'] {
  const [asksFor] = fields['access-control-request-method']
  return method === 'OPTIONS' && fields.origin.length > 0 && asksFor ? { asksFor } : undefined
}

/** An upgrade to WebSocket (RFC 6455 §4.1); any other upgrade is a plain request. */
export const asksForWebSocket = (method: string, headers: HeaderList): boolean => {
  const fields = readFields(headers)
  const hasBody = fields['content-length'].length + fields['transfer-encoding'].length > 0
  return method === 'GET' && !hasBody && isWebSocketUpgrade(fields)
}

const isWebSocketUpgrade = ({ upgrade, connection }: Fields): boolean =>
  upgrade.length === 1 &&
  upgrade[0]?.toLowerCase() === 'websocket' &&
  connection.some(value =>
    value.split(',').some(option => option.trim().toLowerCase() === 'upgrade'),
  )

/** What is said of the client: a trusted proxy's word, with the proxy added, or what was seen. */
function readOrigin(
  raw: RawRequest,
  authority: string,
  fields: Fields,
  trustedProxies: IpRanges,
): ClientOrigin {
  const peer = plainAddress(raw.peer)
  const seen = raw.encrypted ? 'https' : 'http'
  if (!inRanges(trustedProxies, peer)) {
    return { trusted: false, forwardedFor: peer, proto: seen, forwardedHost: authority }
  }
  const proto = fields['x-forwarded-proto'].at(-1)?.split(',').at(-1)?.trim().toLowerCase()
  return {
    trusted: true,
    forwardedFor: [...fields['x-forwarded-for'].filter(value => value !== ''), peer].join(', '),
    proto: proto === 'http' || proto === 'https' ? proto : seen,
    forwardedHost: fields['x-forwarded-host'].at(-1) || authority,
  }
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

/** The caller's `X-Request-Id`, where it is one that can be written anywhere. */
export function callersRequestId(headers: HeaderList): string | undefined {
  let id: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== 12 || name.toLowerCase() !== 'x-request-id') continue
    if (id !== undefined) return undefined
    id = headers[i + 1] as string
  }
  return id !== undefined && REQUEST_ID.test(id) ? id : undefined
}
