import type { Route } from '../../model.ts'
import type { HostPolicy, Policy } from '../../policy/policy.ts'
import { RESOURCE_METADATA_PATH } from '../../policy/route-key.ts'
import { ANY_METHODS, type Methods, routeFor } from '../../policy/routes.ts'
import { type PathClass, pathClasses } from './classes.ts'

/** Any method that neither policy names. */
export const OTHER_METHOD = '*'

/** A preflight (CORS); where no OPTIONS route is listed it goes on without a token. */
export const PREFLIGHT = 'preflight'

/** Requests that one route took and another one takes now; absent: none does. */
export interface Pair {
  readonly old: Route | undefined
  readonly new: Route | undefined
  /** The policy in which preflights of these paths need no token, since no OPTIONS route is listed. */
  readonly open: 'old' | 'new' | undefined
  /** A host, or `''` for any that neither policy names. */
  readonly hosts: Set<string>
  readonly methods: Set<string>
  /** A path of each class, in segments. */
  readonly examples: (readonly string[])[]
  /** One request of each kind: host, method and path class. */
  readonly cells: Set<string>
}

/** Every kind of request: where it is, by the routes that take it. */
export interface Cells {
  readonly pairs: readonly Pair[]
  readonly hosts: readonly HostCells[]
}

export interface HostCells {
  readonly host: string
  readonly methods: readonly string[]
  readonly classes: readonly PathClass[]
}

/** Holds two policies against each other, request by request; `undefined`: there are too many kinds of paths. */
export function cellsOf(old: Policy, next: Policy): Cells | undefined {
  const pairs = new Map<string, Pair>()
  const hosts: HostCells[] = []
  const idOf = routeIds()
  for (const host of new Set([...old.hosts.keys(), ...next.hosts.keys(), ''])) {
    const [a, b] = [hostOf(old, host), hostOf(next, host)]
    const classes = pathClasses(a, b)
    if (!classes) return undefined
    const methods = methodsFor(old, next)
    hosts.push({ host, methods, classes })
    for (const [i, one] of classes.entries()) {
      for (const method of methods) {
        const [was, is] = [routeIn(one.old, method), routeIn(one.new, method)]
        if ((!was && !is) || isAnsweredHere(one, method)) continue
        const open = method === PREFLIGHT ? openSide(one, was, is) : undefined
        const id = `${idOf(was)} ${idOf(is)} ${open}`
        const pair = pairs.get(id) ?? emptyPair(was, is, open)
        pairs.set(id, pair)
        pair.hosts.add(host)
        pair.methods.add(method)
        pair.cells.add(cellId(host, method, i))
        if (pair.examples.at(-1) !== one.example) pair.examples.push(one.example)
      }
    }
  }
  return { pairs: [...pairs.values()], hosts }
}

export const cellId = (host: string, method: string, index: number): string =>
  `${index} ${method} ${host}`

/** As `findHost` of the gate. */
const hostOf = ({ hosts, anyHost }: Policy, host: string): HostPolicy | undefined =>
  hosts.get(host) ?? anyHost

const emptyPair = (old: Pair['old'], next: Pair['new'], open: Pair['open']): Pair => {
  const nothing = { hosts: new Set<string>(), methods: new Set<string>(), cells: new Set<string>() }
  return { old, new: next, open, examples: [], ...nothing }
}

/** Where only one policy lists an OPTIONS route: whether the other one takes preflights all the same. */
function openSide(one: PathClass, was: Pair['old'], is: Pair['new']): Pair['open'] {
  if (!was && one.old.length > 0) return 'old'
  return !is && one.new.length > 0 ? 'new' : undefined
}

function methodsFor(old: Policy, next: Policy): string[] {
  const named = [...old.routes, ...next.routes].flatMap(({ methods }) => methods)
  const all = new Set([...ANY_METHODS, ...named, OTHER_METHOD, PREFLIGHT])
  all.delete('ANY')
  return [...all].sort()
}

/** The route that takes a method on the paths of a class; of preflights only an OPTIONS route that is listed. */
export function routeIn(met: readonly Methods[], method: string): Route | undefined {
  for (const methods of met) {
    const route = method === PREFLIGHT ? methods.get('OPTIONS') : routeFor(methods, method)
    if (route) return route
  }
  return undefined
}

const isAnsweredHere = ({ example }: PathClass, method: string): boolean =>
  (method === 'GET' || method === 'HEAD') && `/${example.join('/')}` === RESOURCE_METADATA_PATH

function routeIds(): (route: Route | undefined) => number {
  const ids = new Map<Route | undefined, number>()
  return route => {
    const id = ids.get(route) ?? ids.size
    ids.set(route, id)
    return id
  }
}
