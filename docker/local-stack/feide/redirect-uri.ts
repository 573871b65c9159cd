// RFC 8252 section 7.3: the port of a loopback address is whatever the application could get.
// `localhost` may be somebody else (section 8.3) and has no such freedom.
const LOOPBACK = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::(\d{1,5}))?((?:[/?].*)?)$/

/** Whether a redirect URI is one of those registered: byte for byte, but for a loopback's port. */
export const isRegistered = (asked: string, registered: readonly string[]): boolean => {
  if (registered.includes(asked)) return true
  const portless = withoutPort(asked)
  return portless !== undefined && registered.some(uri => withoutPort(uri) === portless)
}

const withoutPort = (uri: string): string | undefined => {
  const [, origin, port = '80', rest] = LOOPBACK.exec(uri) ?? []
  const number = Number(port)
  return origin !== undefined && number >= 1 && number <= 65_535 ? `${origin} ${rest}` : undefined
}

export type Parameters = Readonly<Record<string, string | undefined>>

/** Adds parameters to a redirect URI, which keeps its own query (RFC 6749 section 3.1.2). */
export const withParameters = (uri: string, parameters: Parameters): string => {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) query.append(name, value)
  return `${uri}${uri.includes('?') ? '&' : '?'}${query}`
}

/**
 * The sources of Content-Security-Policy that cover a redirect URI. Browsers hold every redirect
 * after a form against `form-action`, the application's own ones too, which on a developer's machine
 * often lead to another port. Of IP addresses a source can name none but 127.0.0.1.
 */
export const formTargets = (uri: string): readonly string[] => {
  const { protocol, hostname, origin } = new URL(uri)
  const isWeb = protocol === 'http:' || protocol === 'https:'
  const isOtherAddress = /^[\d.]+$|^\[/.test(hostname) && hostname !== '127.0.0.1'
  const target = isWeb && !isOtherAddress ? origin : protocol
  return [target, 'http://127.0.0.1:*', 'http://localhost:*']
}
