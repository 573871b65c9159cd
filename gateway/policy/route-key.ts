import { METHODS } from 'node:http'
import type { PathRules } from '../model.ts'
import { canonicalPath } from './path.ts'
import { segmentsOf } from './routes.ts'

export interface RouteKey {
  readonly methods: readonly string[]
  readonly pattern: string
}

/** A fault of a key: what was expected, and which part of the key is not that. */
export interface KeyFault {
  readonly expected: string
  readonly got: string
}

/** Answered by the gateway itself, so no route of it is ever reached (RFC 9728 §3). */
export const RESOURCE_METADATA_PATH = '/.well-known/oauth-protected-resource'

const KNOWN_METHODS = new Set(METHODS)

/** Reads `GET,POST /courses/{id}`; a route that could never match is a fault. */
export function parseRouteKey(key: string, rules: PathRules): RouteKey | KeyFault[] {
  const [, list, pattern] = /^(\S+)[ \t]+(\S+)$/.exec(key) ?? []
  if (list === undefined || pattern === undefined) {
    return [{ expected: 'METHOD[,METHOD] PATTERN such as GET /courses/{id}', got: key }]
  }
  const methods = list.split(',')
  const faults = [...methodFaults(methods), ...patternFaults(pattern, rules)]
  const isRead = methods.every(method => method === 'GET' || method === 'HEAD')
  if (isRead && pattern === RESOURCE_METADATA_PATH) {
    faults.push({ expected: 'a path that the gateway does not answer itself', got: pattern })
  }
  return faults.length > 0 ? faults : { methods, pattern }
}

function methodFaults(methods: readonly string[]): KeyFault[] {
  const seen = new Set<string>()
  return methods.flatMap(method => {
    const twice = seen.has(method)
    seen.add(method)
    if (twice) return [{ expected: 'each method once', got: method }]
    if (method === 'TRACE' || method === 'CONNECT') {
      return [{ expected: 'a method that can match (TRACE and CONNECT are refused)', got: method }]
    }
    if (method === 'ANY' || KNOWN_METHODS.has(method)) return []
    return [{ expected: 'an HTTP method in capitals, or ANY', got: method || '""' }]
  })
}

function patternFaults(pattern: string, rules: PathRules): KeyFault[] {
  const fault = (expected: string, got = pattern) => [{ expected, got }]
  if (!pattern.startsWith('/')) return fault('a pattern that begins with /')
  if (/[?#]/.test(pattern)) return fault('a path alone (the query never takes part in matching)')
  const segments = segmentsOf(pattern)
  for (const [i, segment] of segments.entries()) {
    if (segment === '**' && i === segments.length - 1) continue
    if (/^\{[A-Za-z_][A-Za-z0-9_-]*\}$/.test(segment)) continue
    if (segment.includes('*')) {
      return fault('{name} for one segment, or ** as the last one', segment)
    }
    if (/[{}]/.test(segment)) return fault('{name} as a whole segment', segment)
  }
  return literalFaults(pattern, rules)
}

/** Literal segments are compared with canonical paths: in any other form they never match. */
function literalFaults(pattern: string, rules: PathRules): KeyFault[] {
  const literal = pattern.replace(/\{[^}]*\}/g, 'x').replace(/\*\*$/, '')
  const canonical = canonicalPath(literal, rules)
  if (typeof canonical !== 'string') {
    const expected = 'a pattern that a path can match'
    return [{ expected, got: `${pattern}, which holds ${canonical.ambiguous}` }]
  }
  if (canonical === literal) return []
  return [{ expected: `the canonical form (${canonical})`, got: pattern }]
}
