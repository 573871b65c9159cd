import type { CanonicalPath, Route } from '../model.ts'
import { type Denial, deny } from './denial.ts'

/** What `ANY` is in a table of methods; no method has this name. */
const ANY = 'ANY'

/** For `Allow` where `ANY` is listed: the methods of RFC 9110 and PATCH, without TRACE and CONNECT. */
export const ANY_METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']

/** Refused whatever their target: TRACE shows a caller the injected headers, CONNECT opens tunnels. */
const REFUSED = new Set(['TRACE', 'CONNECT'])

export type Methods = Map<string, Route>

export interface Node {
  readonly literals: Map<string, Node>
  param: Node | undefined
  /** Routes that end here. */
  here: Methods | undefined
  /** Routes that end here with `**`. */
  rest: Methods | undefined
}

/** The routes of all data sources of one host, compiled to a tree of segments. */
export interface RouteTable {
  readonly root: Node
  readonly caseInsensitive: boolean
}

const newNode = (): Node => ({
  literals: new Map(),
  param: undefined,
  here: undefined,
  rest: undefined,
})

/** `/a/{id}/**` -> `['a', '{id}', '**']`; a trailing slash is an empty last segment. */
export const segmentsOf = (pattern: string): string[] => pattern.slice(1).split('/')

const isParam = (segment: string) => segment.startsWith('{')

/** The pattern without the names of its segments: two routes of one shape take the same paths. */
export const shapeOf = (pattern: string, caseInsensitive: boolean): string => {
  const shape = pattern.replace(/\{[^}]*\}/g, '{}')
  return caseInsensitive ? shape.toLowerCase() : shape
}

/**
 * Compiles routes. The cost of a look-up depends on the length of the path, not on their number.
 * Expects what the parser of the policy has checked: canonical patterns, no shape twice for a method.
 */
export function compileRoutes(routes: readonly Route[], caseInsensitive: boolean): RouteTable {
  const root = newNode()
  const names = new Map<string, string>()
  for (const route of routes) {
    const pattern = caseInsensitive ? route.pattern.toLowerCase() : route.pattern
    const segments = segmentsOf(pattern).map(name => sharedName(names, name))
    const open = segments.at(-1) === '**'
    const node = (open ? segments.slice(0, -1) : segments).reduce(descend, root)
    const methods: Methods = (open ? node.rest : node.here) ?? new Map()
    for (const method of route.methods) methods.set(method, route)
    if (open) node.rest = methods
    else node.here = methods
  }
  return { root, caseInsensitive }
}

/** Names that are in many patterns are one text: the one that a look-up has just compared with. */
function sharedName(known: Map<string, string>, name: string): string {
  const same = known.get(name) ?? name
  known.set(name, same)
  return same
}

function descend(node: Node, segment: string): Node {
  if (isParam(segment)) {
    node.param ??= newNode()
    return node.param
  }
  const next = node.literals.get(segment) ?? newNode()
  node.literals.set(segment, next)
  return next
}

const NO_ROUTE = deny('route_unknown', 'The policy of this gateway has no route with this path')

/** The most specific route that lists the method, or why there is none (contract 2). */
export function matchRoute(table: RouteTable, method: string, path: CanonicalPath): Route | Denial {
  const refused = REFUSED.has(method)
  const route = refused ? undefined : find(table, path, methods => routeFor(methods, method))
  if (route) return route
  const allow = methodsOf(table, path)
  if (!refused && allow.length === 0) return NO_ROUTE
  const says = allow.length > 0 ? `This path takes ${allow.join(', ')}` : 'It is never passed on'
  return deny('method_not_allowed', says, { allow: allow.join(', ') })
}

/**
 * The route that a preflight belongs to: an `OPTIONS` route that the policy lists (`listed`), else
 * the route of the method that it asks about, else any route of the path.
 */
export function matchPreflight(
  table: RouteTable,
  path: CanonicalPath,
  asksFor: string,
): { route: Route; listed: boolean } | Denial {
  const options = find(table, path, methods => methods.get('OPTIONS'))
  if (options) return { route: options, listed: true }
  const route =
    find(table, path, methods => routeFor(methods, asksFor)) ??
    find(table, path, methods => methods.values().next().value)
  return route ? { route, listed: false } : NO_ROUTE
}

/** The route for a method among those of one shape. */
export function routeFor(methods: Methods, method: string): Route | undefined {
  const named = methods.get(method) ?? (method === 'HEAD' ? methods.get('GET') : undefined)
  return named ?? methods.get(ANY)
}

/** The methods for which a path has a route, in alphabetical order. */
export function methodsOf(table: RouteTable, path: CanonicalPath): string[] {
  const names = new Set<string>()
  find(table, path, methods => {
    for (const method of methods.keys()) {
      for (const name of method === ANY ? ANY_METHODS : [method]) names.add(name)
    }
    return undefined
  })
  if (names.has('GET')) names.add('HEAD')
  return [...names].sort()
}

type Pick = (methods: Methods) => Route | undefined

function find(table: RouteTable, path: string, pick: Pick): Route | undefined {
  return findFrom(table.root, table.caseInsensitive ? path.toLowerCase() : path, 1, pick)
}

/**
 * Literal before `{name}` before `**`, segment by segment from the left, going back where a branch
 * does not end in a route that `pick` takes.
 *
 * @param from where the next segment begins in the path
 */
function findFrom(node: Node, path: string, from: number, pick: Pick): Route | undefined {
  const slash = path.indexOf('/', from)
  const segment = path.slice(from, slash === -1 ? undefined : slash)
  const next = slash + 1
  return (
    follow(node.literals.get(segment), path, next, pick) ??
    (segment === '' ? undefined : follow(node.param, path, next, pick)) ??
    (node.rest && pick(node.rest))
  )
}

/** @param from where the next segment begins in the path; 0 where there is none */
function follow(node: Node | undefined, path: string, from: number, pick: Pick): Route | undefined {
  if (node === undefined) return undefined
  if (from !== 0) return findFrom(node, path, from, pick)
  return (node.here && pick(node.here)) ?? (node.rest && pick(node.rest))
}

const RANK = (segment: string | undefined) =>
  segment === undefined ? 0 : segment === '**' ? 3 : isParam(segment) ? 2 : 1

/** The order in which patterns are tried: for showing a table, matching itself walks the tree. */
export function compareRoutes(a: Route, b: Route): number {
  const left = segmentsOf(a.pattern)
  const right = segmentsOf(b.pattern)
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [x, y] = [left[i], right[i]]
    const byRank = RANK(x) - RANK(y)
    if (byRank !== 0) return byRank
    if (RANK(x) === 1 && x !== y) return (x as string) < (y as string) ? -1 : 1
  }
  return Number(a.methods.includes(ANY)) - Number(b.methods.includes(ANY)) || a.line - b.line
}
