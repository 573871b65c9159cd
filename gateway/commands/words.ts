/** What a request is described with on a command line: the parsed words, or an error that says what was expected. */

/** The claims of a token as a JSON object. */
export function parseClaims(text: string | undefined): object | undefined | Error {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Falls through to the message that says what was expected.
  }
  return new Error('--claims: expected a JSON object such as {"sub":"…","client_id":"…"}')
}

/** What a URL or a path says; without a host where it is a path. */
export interface Address {
  readonly host: string | undefined
  readonly target: string
  readonly encrypted: boolean
}

/** Host, target and scheme of a URL or a path. Not by `new URL`: it would resolve the very paths that are to be explained. */
export function parseUrl(url: string): Address | Error {
  const [, scheme, host, rest = ''] = /^(?:(https?):\/\/([^/?#]*))?(.*)$/s.exec(url) ?? []
  if (scheme === undefined && !rest.startsWith('/')) {
    return new Error(`expected a URL or a path such as /courses, got ${url}`)
  }
  return { host, target: rest === '' ? '/' : rest, encrypted: scheme === 'https' }
}

/** `Name: value` -> its two parts. */
export function parseHeader(text: string): string[] | Error {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? []
  return name === undefined
    ? new Error(`--header: expected Name: value, got ${text}`)
    : [name, value ?? '']
}
