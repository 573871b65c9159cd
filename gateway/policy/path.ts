import type { CanonicalPath, PathRules } from '../model.ts'

/** Why a path has no canonical form; the words complete "the path holds …". */
export interface AmbiguousPath {
  readonly ambiguous: string
}

/** Most paths are this plain: unreserved characters, and no segment that begins with a dot. */
const PLAIN = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+\/?$/

const UNRESERVED = /[A-Za-z0-9._~-]/

interface Rule {
  readonly holds: RegExp
  readonly says: string
  readonly optIn?: keyof PathRules
}

/** Looked for in the normalised path: unreserved characters decoded, hex digits in upper case. */
const RULES: readonly Rule[] = [
  { holds: /[^\x20-\x7e]/, says: 'a control character or a byte above 0x7E' },
  { holds: /\\|%5C/, says: 'a backslash' },
  { holds: /[ "<>^`{|}#]/, says: 'a character that no URI may hold' },
  { holds: /%(?:[01][0-9A-F]|7F)/, says: 'an encoded control character' },
  { holds: /%25(?:25)*(?:00|2E|2F|3B|5C)/i, says: 'a character that is encoded twice' },
  // Decoders that are lax about UTF-8 read these as ASCII (RFC 3629 §10).
  {
    holds: /%(?:C[01]|E0%8[01]|F0%80%8[01]|F8%80%80%8[01]|FC%80%80%80%8[01])%[89AB]/,
    says: 'an overlong UTF-8 sequence',
  },
  // `..;` is `..` to servers that cut path parameters, `%2F` a slash to those that decode early.
  { holds: /(?:\/|%2F)\.{1,2}(?=\/|%2F|;|%3B|$)/, says: 'a dot segment' },
  { holds: /;|%3B/, says: 'a semicolon', optIn: 'semicolon' },
  { holds: /%2F/, says: 'an encoded slash', optIn: 'encodedSlash' },
  { holds: /^\/\//, says: 'an empty first segment' },
  { holds: /\/\//, says: 'an empty segment', optIn: 'emptySegments' },
]

/**
 * The canonical form of a path (contract 2): normalised only as RFC 3986 §6.2.2 allows, and refused
 * where two programs could read it in two ways. Applying it twice changes nothing more.
 *
 * @param raw the path of the request target, without the query
 */
export function canonicalPath(raw: string, rules: PathRules): CanonicalPath | AmbiguousPath {
  if (PLAIN.test(raw)) return raw as CanonicalPath
  if (!raw.startsWith('/')) return { ambiguous: 'something else than an absolute path' }
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) return { ambiguous: 'an invalid percent-encoding' }
  const path = raw.replace(/%[0-9A-Fa-f]{2}/g, normaliseEscape)
  const broken = RULES.find(
    ({ holds, optIn }) => holds.test(path) && !(optIn !== undefined && rules[optIn]),
  )
  return broken ? { ambiguous: broken.says } : (path as CanonicalPath)
}

function normaliseEscape(encoded: string): string {
  const char = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
  return UNRESERVED.test(char) ? char : encoded.toUpperCase()
}
