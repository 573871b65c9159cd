import type { ParsedToken, RawRequest } from '../model.ts'
import type { Policy } from '../policy/policy.ts'

/** A request that is to be explained. */
export interface Asked {
  readonly method: string
  readonly address: AskedAddress
  /** Further headers, in the order of the wire: name, value, name, value … */
  readonly headers?: readonly string[]
  /** The token that comes with it; `claims` are those of one that nobody signed. */
  readonly token?: string | undefined
  readonly claims?: object | undefined
  /** The address that it comes from; default 127.0.0.1. */
  readonly peer?: string | undefined
}

export interface AskedAddress {
  readonly host: string | undefined
  readonly target: string
  readonly encrypted: boolean
}

/** Not by `new URL`: it would resolve the very paths that are to be explained. */
export function parseAddress(url: string): AskedAddress | Error {
  const [, scheme, host, rest = ''] = /^(?:(https?):\/\/([^/?#]*))?(.*)$/s.exec(url) ?? []
  if (scheme === undefined && !rest.startsWith('/')) {
    return new Error(`expected a URL or a path such as /courses, got ${url}`)
  }
  return { host, target: rest === '' ? '/' : rest, encrypted: scheme === 'https' }
}

/** `undefined` where the text is no JSON object. */
export function parseClaims(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // The same as JSON of something else.
  }
  return undefined
}

/** The request as the parser of a server would leave it. */
export function rawRequestOf(asked: Asked, policy: Policy): RawRequest {
  const { method, address, headers = [], token, claims, peer = '127.0.0.1' } = asked
  const bearer = token ?? (claims && unsignedToken(claims, policy))
  return {
    method,
    target: address.target,
    httpVersion: '1.1',
    headers: [
      'Host',
      address.host ?? onlyHost(policy),
      ...(bearer === undefined ? [] : ['Authorization', `Bearer ${bearer}`]),
      ...headers,
    ],
    peer,
    encrypted: address.encrypted,
  }
}

function unsignedToken(claims: object, { issuer }: Policy): ParsedToken['text'] {
  const header = { alg: issuer.algorithms[0], typ: 'JWT' }
  const parts = [header, claims].map(part =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return [...parts, 'AA'].join('.') as ParsedToken['text']
}

/** The host that is meant where only a path is given. */
function onlyHost({ hosts, anyHost }: Policy): string {
  const [first] = hosts.keys()
  return anyHost || first === undefined ? 'localhost' : first
}
