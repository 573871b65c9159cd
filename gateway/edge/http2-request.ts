import type { RawRequest } from '../model.ts'

/**
 * What an HTTP/2 stream asks for (RFC 9113 §8.3), in the form that the gate reads: `:authority` is the
 * `Host`, the crumbs of a cookie are one again (§8.2.3), and no pseudo header goes on. `:scheme` is
 * not used: what callers are told and the upstream is told is how the connection really is.
 *
 * A `Host` beside an `:authority` that says something else stays, and two of them are refused. What
 * the RFC calls malformed apart from that never comes here: nghttp2 has reset the stream, or dropped
 * a field with characters that none may hold.
 *
 * @param fields names and values in the order of the wire, pseudo headers first
 */
export function http2Request(
  fields: readonly string[],
  { bodyFollows, peer }: { readonly bodyFollows: boolean; readonly peer: string },
): RawRequest {
  const pseudo = new Map<string, string>()
  const headers: string[] = []
  let cookie = -1
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    const value = fields[i + 1] as string
    if (name.startsWith(':')) {
      pseudo.set(name, value)
      if (name === ':authority') headers.push('host', value)
    } else if (name === 'cookie' && cookie !== -1) {
      headers[cookie] += `; ${value}`
    } else if (name !== 'host' || value !== pseudo.get(':authority')) {
      if (name === 'cookie') cookie = headers.length + 1
      headers.push(name, value)
    }
  }
  return {
    method: pseudo.get(':method') ?? '',
    target: pseudo.get(':path') ?? '',
    httpVersion: 'h2',
    headers,
    bodyFollows,
    peer,
    encrypted: true,
  }
}
