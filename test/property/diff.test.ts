import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { Kind } from '../../gateway/commands/diff/changes.ts'
import { compare, type Diff } from '../../gateway/commands/diff/compare.ts'
import { decideOn } from '../../gateway/explain/decide.ts'
import { deny } from '../../gateway/policy/denial.ts'
import { parsePolicy } from '../../gateway/policy/parse.ts'

const RUNS = 150

/** Few words, so that patterns meet. */
const SEGMENTS = ['a', 'b', 'B', '{x}', '']
const METHODS = ['GET', 'POST', 'ANY', 'OPTIONS', 'GET,PUT', 'HEAD', 'PROPFIND']
const SCOPES = ['read', 'list']
const CLIENTS = ['c', 'd']
const AUDIENCES = ['one', 'two']
const HOSTS = ['h.no', 'i.no']

const some = <T>(values: readonly T[]) => fc.subarray([...values], { minLength: 1 })
const scopes = fc.oneof(
  some(SCOPES),
  fc
    .array(fc.oneof(fc.constantFrom(...SCOPES), some(SCOPES)), { minLength: 1, maxLength: 2 })
    .map(anyOf => ({ anyOf })),
)
const asks = fc.oneof(
  fc.constantFrom('public', 'authenticated'),
  fc.record(
    {
      scopes,
      principal: fc.constantFrom('user', 'system', 'any'),
      clients: some(CLIENTS),
      enforce: fc.boolean(),
    },
    { requiredKeys: ['scopes'] },
  ),
)
const pattern = fc
  .tuple(fc.array(fc.constantFrom(...SEGMENTS), { maxLength: 3 }), fc.boolean())
  .map(([segments, open]) => `/${[...segments, ...(open ? ['**'] : [])].join('/')}`)
const key = fc.tuple(fc.constantFrom(...METHODS), pattern).map(parts => parts.join(' '))
const routes = fc.dictionary(key, asks, { minKeys: 1, maxKeys: 5, noNullPrototype: true })
const dataSource = fc.record(
  {
    audience: some(AUDIENCES),
    upstream: fc.constantFrom('http://one', 'http://two'),
    enforce: fc.boolean(),
    hosts: some(HOSTS),
    paths: fc.record({
      allow: fc.subarray(['%2F', ';', '//']),
      case: fc.constantFrom('sensitive', 'insensitive'),
    }),
    routes,
  },
  { requiredKeys: ['audience', 'upstream', 'routes'], noNullPrototype: true },
)
const file = fc.record(
  { aa: dataSource, bb: dataSource },
  { requiredKeys: ['aa'], noNullPrototype: true },
)

const textOf = (dataSources: object): string =>
  stringify({ issuer: { url: 'https://a.no' }, dataSources })

function load(text: string) {
  const loaded = parsePolicy('policy.yaml', text, {})
  return loaded.ok ? loaded : undefined
}

/** Another policy with one route more, or also one less. */
const changedText = fc.tuple(file, key, asks, fc.boolean()).map(([one, extra, entry, drop]) => {
  const own = Object.entries(one.aa.routes)
  const kept = Object.fromEntries(own.slice(drop && own.length > 1 ? 1 : 0))
  const changed = { ...one.aa, routes: { ...kept, [extra]: entry } }
  return [textOf(one), textOf({ ...one, aa: changed })] as const
})

/** Another policy with the same routes, of which one asks for something else, and the rest is another one's. */
const turnedText = fc
  .tuple(file, dataSource, asks, fc.boolean())
  .map(([one, other, entry, keep]) => {
    const [first = ''] = Object.keys(one.aa.routes)
    const routes = { ...one.aa.routes, [first]: entry }
    const changed = keep ? { ...one.aa, routes } : { ...other, routes: one.aa.routes }
    return [textOf(one), textOf({ ...one, aa: changed })] as const
  })

/** A route that lets through who lacks something, and comes to ask for something else. */
const markedText = fc
  .tuple(file, fc.tuple(scopes, scopes), fc.constantFrom('user', 'system', 'any'))
  .map(([one, [before, after], principal]) => {
    const asking = (entry: object) =>
      textOf({ ...one, aa: { ...one.aa, routes: { 'ANY /**': { enforce: false, ...entry } } } })
    return [asking({ scopes: before }), asking({ scopes: after, principal })] as const
  })

/** The texts of two policies without faults, most often with much in common. */
const pair = fc
  .oneof(fc.tuple(file.map(textOf), file.map(textOf)), changedText, turnedText, markedText)
  .filter(texts => texts.every(text => load(text) !== undefined))

function loadBoth(texts: readonly [string, string]) {
  const [old, next] = texts.map(text => load(text))
  const diff = old && next && compare(old, next)
  if (!diff) throw new Error('expected two policies that can be compared')
  return { old, next, diff }
}

const segment = fc.constantFrom('a', 'b', 'A', 'B', 'c', '', 'a%2Fb', 'a;b', '%61')
const request = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'LOCK'),
  host: fc.constantFrom(...HOSTS, 'other.no'),
  segments: fc.array(segment, { minLength: 1, maxLength: 4 }),
  /** Which pattern of the policies is filled in with them; none: the segments are the path. */
  nth: fc.option(fc.nat(20), { freq: 5, nil: undefined }),
})

/** A path that most often some route takes. */
function pathOf(
  { nth, segments }: { readonly nth: number | undefined; readonly segments: readonly string[] },
  patterns: readonly string[],
): string {
  const pattern = nth === undefined ? undefined : patterns[nth % patterns.length]
  const rest = segments.join('/')
  if (pattern === undefined) return `/${rest}`
  return pattern.replaceAll(/\{x\}/g, () => segments[0] ?? '').replace('**', rest)
}
type Request = { readonly method: string; readonly host: string; readonly path: string }

type Token = { readonly [name: string]: unknown }

/** Every token that the policies can tell from the others, and none. */
const TOKENS: readonly (Token | undefined)[] = [
  undefined,
  ...AUDIENCES.flatMap(aud =>
    [...CLIENTS, 'e'].flatMap(client_id =>
      ['u', client_id].flatMap(sub =>
        ['', 'read', 'list', 'read list'].map(scope => ({ aud, client_id, sub, scope })),
      ),
    ),
  ),
]

type Loaded = NonNullable<ReturnType<typeof load>>
type Given = Request & { readonly token: Token | undefined; readonly preflight?: boolean }

async function decide({ policy }: Loaded, { method, host, path, token, preflight }: Given) {
  const headers = preflight ? ['Origin', 'https://a', 'Access-Control-Request-Method', 'GET'] : []
  const address = { host, target: path, encrypted: false }
  return await decideOn(policy, { method, address, headers, claims: token }, noKey)
}

const noKey = () => deny('token_key_unknown', 'Nobody signed these claims')

/** What can be told of a decision from outside, where a route was met. */
async function told(loaded: Loaded, given: Given) {
  const { denial, shadowed, route } = await decide(loaded, given)
  return { allowed: !denial, shadow: shadowed?.denied, code: route ? denial?.denied : undefined }
}

const isNamed = (methods: readonly string[], method: string) => methods.includes(method)

/** Whether a change is listed for a request; by its words alone, not by how it was found. */
function covering({ changes, cells }: Diff, { method, host, path, preflight }: Given) {
  const named = cells.hosts.some(one => one.host === host) ? host : ''
  const known = cells.hosts[0]?.methods ?? []
  const own = isNamed(known, method) ? method : '*'
  const canonical = path.replaceAll('%61', 'a')
  return changes.filter(
    change =>
      change.hosts.includes(named) &&
      (preflight || isNamed(change.methods, own)) &&
      matches(canonical, change.pattern),
  )
}

function matches(path: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.;%]/g, '\\$&')
    .replace(/\{[^}]*\}/g, '[^/]+')
    .replace(/\/\*\*$/, '(?:/.*)?')
  return new RegExp(`^${source}$`, 'i').test(path)
}

const LETS_IN: readonly Kind[] = ['opened', 'looser', 'mixed']
const REFUSES: readonly Kind[] = ['closed', 'stricter', 'mixed']

describe('diff', () => {
  test('lists a change for every request that is decided otherwise', async () => {
    await fc.assert(
      fc.asyncProperty(pair, fc.array(request, { maxLength: 12 }), async (texts, asked) => {
        const { old, next, diff: found } = loadBoth(texts)
        const patterns = [old, next].flatMap(({ policy }) => policy.routes.map(one => one.pattern))
        for (const { method, host, ...words } of asked) {
          const one = { method, host, path: pathOf(words, patterns) }
          for (const token of TOKENS) {
            const given = { ...one, token }
            const [before, after] = [await told(old, given), await told(next, given)]
            const kinds = covering(found, given).map(({ kind }) => kind)
            if (!before.allowed && after.allowed) {
              expect(kinds.some(kind => LETS_IN.includes(kind))).toBe(true)
            }
            if (before.allowed && !after.allowed) {
              expect(kinds.some(kind => REFUSES.includes(kind))).toBe(true)
            }
            if (kinds.length === 0) expect(after).toEqual(before)
          }
          const preflight = { ...one, method: 'OPTIONS', token: undefined, preflight: true }
          const [before, after] = [await told(old, preflight), await told(next, preflight)]
          if (before.allowed !== after.allowed) {
            expect(covering(found, preflight).length).toBeGreaterThan(0)
          }
        }
      }),
      { numRuns: RUNS },
    )
  }, 120_000)

  test('lists no change but where somebody is let in or refused, or marked otherwise', async () => {
    await fc.assert(
      fc.asyncProperty(pair, async texts => {
        const { old, next, diff } = loadBoth(texts)
        for (const change of diff.changes) {
          const { kind, hosts, methods, example } = change
          const [host, method] = [hosts[0] || 'other.no', methods[0] ?? '']
          const preflight = method === 'preflight'
          const sent = preflight ? 'OPTIONS' : method === '*' ? 'LOCK' : method
          const asked = { host, method: sent, path: example, preflight }
          const seen = new Set<string>()
          for (const token of TOKENS) {
            const before = await told(old, { ...asked, token })
            const after = await told(next, { ...asked, token })
            if (!before.allowed && after.allowed) seen.add('in')
            if (before.allowed && !after.allowed) seen.add('out')
            if (before.allowed && after.allowed && before.shadow !== after.shadow)
              seen.add('marked')
          }
          if (kind !== 'marks') seen.delete('marked')
          expect({ asked, kind, seen: [...seen].sort() }).toEqual({ asked, kind, seen: SEEN[kind] })
        }
      }),
      { numRuns: RUNS },
    )
  }, 120_000)
})

/** What tokens see of the example of a change. */
const SEEN: Readonly<Record<Kind, readonly string[]>> = {
  opened: ['in'],
  looser: ['in'],
  closed: ['out'],
  stricter: ['out'],
  mixed: ['in', 'out'],
  marks: ['marked'],
}
