import { LRUCache } from 'lru-cache'
import type { Claims, HeaderList, ParsedToken } from '../model.ts'
import { type Denial, deny } from '../policy/denial.ts'
import { parseUniqueObject } from './json.ts'

/** Longest token that is looked at, in characters. */
const MAX_TOKEN = 16 * 1024

/** What Feide's own access tokens look like: a UUID, opaque to everyone but Feide. */
const OPAQUE = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/**
 * The bearer token of a request (RFC 6750 §2.1), not looked into; `undefined` where there is none.
 *
 * @param query with its `?`: a token there beside the header is a malformed request (§2)
 */
export function readBearer(headers: HeaderList, query: string): string | undefined | Denial {
  let authorization: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length !== 13 || name.toLowerCase() !== 'authorization') continue
    if (authorization !== undefined) {
      return deny('request_malformed', 'There is more than one Authorization header')
    }
    authorization = headers[i + 1] as string
  }
  // Only its beginning: a pattern that takes the token in costs several times as much.
  const [scheme] = /^bearer(?:[ \t]+|$)/i.exec(authorization ?? '') ?? []
  const rest = scheme && authorization?.slice(scheme.length)
  if (!rest) return undefined
  if (/\s/.test(rest)) return deny('request_malformed', 'There is white space inside the token')
  if (query.length > 1 && new URLSearchParams(query).has('access_token')) {
    const detail = 'There is a token in the query beside the one in the Authorization header'
    return deny('request_malformed', detail)
  }
  return rest
}

/** Takes a JWS in compact form apart (contract 3.2); signature and claims are not looked at. */
export function parseToken(text: string): ParsedToken | Denial {
  if (OPAQUE.test(text)) return deny('token_opaque', 'This is an opaque Feide access token')
  if (text.length > MAX_TOKEN) return malformed('it is longer than 16 KiB')
  const parts = text.split('.')
  const [header = '', payload = '', signature = ''] = parts
  if (parts.length !== 3) return malformed('it does not have three parts')
  if (!isBase64url(header) || !isBase64url(payload) || !isBase64url(signature)) {
    return malformed('a part of it is not canonical base64url')
  }
  const readHeader = headerOf(header)
  if (!readHeader) return malformed('its header is not a JSON object without duplicate members')
  const claims = parseUniqueObject(Buffer.from(payload, 'base64url'))
  if (!claims) return malformed('its payload is not a JSON object without duplicate members')
  return { text: text as ParsedToken['text'], header: readHeader, payload: claims }
}

const malformed = (why: string) => deny('token_malformed', `The token is malformed: ${why}`)

/** Tokens that one key has signed begin alike. */
const headers = new LRUCache<string, Claims>({ max: 16 })

function headerOf(part: string): Claims | undefined {
  const known = headers.get(part)
  if (known) return known
  const header = parseUniqueObject(Buffer.from(part, 'base64url'))
  if (header) headers.set(part, header)
  return header
}

/** Last characters of what is two or three beyond a multiple of four: the bits that do not count are zero. */
const LAST_OF_TWO = 'AQgw'
const LAST_OF_THREE = 'AEIMQUYcgkosw048'

/** Non-empty, without padding, in canonical form (RFC 4648 §3.5). */
function isBase64url(part: string): boolean {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) return false
  const last = part.charAt(part.length - 1)
  const beyond = part.length % 4
  if (beyond === 2) return LAST_OF_TWO.includes(last)
  return beyond === 0 || (beyond === 3 && LAST_OF_THREE.includes(last))
}
