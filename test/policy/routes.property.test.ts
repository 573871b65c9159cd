import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CanonicalPath } from '../../gateway/model.ts'
import { isDenial } from '../../gateway/policy/denial.ts'
import { matchRoute } from '../../gateway/policy/routes.ts'
import { policyOf } from './support.ts'

const RUNS = 1500

type Table = { readonly keys: readonly string[]; readonly ignoresCase: boolean }

/** What the compiled tree says: the key of a route, or why there is none. */
function compiled({ keys, ignoresCase }: Table) {
  const text = JSON.stringify({
    issuer: { url: 'https://auth.dataporten.no' },
    dataSources: {
      grades: {
        audience: 'grades',
        upstream: 'http://legacy',
        paths: { allow: ['//'], case: ignoresCase ? 'insensitive' : 'sensitive' },
        routes: Object.fromEntries(keys.map(key => [key, 'public'])),
      },
    },
  })
  const table = policyOf(text).anyHost?.table ?? expect.fail('no table')
  return (method: string, path: string): string => {
    const found = matchRoute(table, method, path as CanonicalPath)
    if (!isDenial(found)) return found.key
    return found.denied === 'route_unknown' ? 'no route' : `only ${found.allow}`
  }
}

/**
 * The words of the contract, one after the other: among the patterns that list the method the most
 * specific wins, literal before `{name}` before `**`, segment by segment from the left.
 */
function naive({ keys, ignoresCase }: Table) {
  const letters = (text: string) => (ignoresCase ? text.toLowerCase() : text)
  const routes = keys.map(key => {
    const [methods = '', pattern = ''] = key.split(' ')
    return { key, methods: methods.split(','), segments: letters(pattern).split('/').slice(1) }
  })
  type Candidate = (typeof routes)[number]

  const takes = ({ segments }: Candidate, path: readonly string[]): boolean => {
    const isOpen = segments.at(-1) === '**'
    const fixed = isOpen ? segments.slice(0, -1) : segments
    if (isOpen ? path.length < fixed.length : path.length !== fixed.length) return false
    return fixed.every((segment, i) => (isName(segment) ? path[i] !== '' : path[i] === segment))
  }
  const sameShape = (a: Candidate, b: Candidate) => compare(a.segments, b.segments) === 0
  const lists = (route: Candidate, method: string): boolean => {
    if (method === 'TRACE' || method === 'CONNECT') return false
    if (route.methods.includes(method) || route.methods.includes('ANY')) return true
    if (method !== 'HEAD' || !route.methods.includes('GET')) return false
    return !routes.some(other => sameShape(route, other) && other.methods.includes('HEAD'))
  }
  const byName = ({ methods }: Candidate) => (methods.includes('ANY') ? 1 : 0)

  return (method: string, target: string): string => {
    const path = letters(target).split('/').slice(1)
    const taking = routes.filter(route => takes(route, path))
    const [best] = taking
      .filter(route => lists(route, method))
      .sort((a, b) => compare(a.segments, b.segments) || byName(a) - byName(b))
    if (best) return best.key
    const allowed = [...EVERY, 'PROPFIND'].filter(name => taking.some(route => says(route, name)))
    const isRefused = method === 'TRACE' || method === 'CONNECT'
    return allowed.length > 0 || isRefused ? `only ${allowed.sort().join(', ')}` : 'no route'
  }

  function says({ methods }: Candidate, name: string): boolean {
    if (methods.includes(name) || (name === 'HEAD' && methods.includes('GET'))) return true
    return methods.includes('ANY') && EVERY.includes(name)
  }
}

const EVERY = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']

const isName = (segment: string) => segment.startsWith('{')

/** Negative: the first pattern is the more specific one. Of two that end, the shorter one ends first. */
function compare(a: readonly string[], b: readonly string[]): number {
  const rank = (segment: string | undefined) =>
    segment === undefined ? 0 : segment === '**' ? 3 : isName(segment) ? 2 : 1
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const byRank = rank(a[i]) - rank(b[i])
    if (byRank !== 0) return byRank
    // Two literals that differ never take the same path.
    if (rank(a[i]) === 1 && a[i] !== b[i]) return (a[i] ?? '') < (b[i] ?? '') ? -1 : 1
  }
  return 0
}

const literal = fc.constantFrom('a', 'b', 'A', 'ab', '~')
const segment = fc.oneof(
  { weight: 3, arbitrary: literal },
  { weight: 2, arbitrary: fc.constantFrom('{x}', '{y}') },
  { weight: 1, arbitrary: fc.constant('') },
)
const ending = fc.constantFrom<readonly string[]>([], [], ['**'], [''])
const pattern = fc
  .tuple(fc.array(segment, { maxLength: 4 }), ending)
  .map(([segments, last]) => `/${[...segments, ...last].join('/')}`)
  .filter(text => !text.startsWith('//'))
const methods = fc.oneof(
  fc.constant(['ANY']),
  fc.subarray(['GET', 'HEAD', 'POST', 'PROPFIND', 'OPTIONS'], { minLength: 1, maxLength: 3 }),
)
const key = fc.tuple(methods, pattern).map(([names, text]) => `${names.join(',')} ${text}`)
const table: fc.Arbitrary<Table> = fc
  .record({ keys: fc.array(key, { minLength: 1, maxLength: 12 }), ignoresCase: fc.boolean() })
  .map(({ keys, ignoresCase }) => ({ keys: withoutClashes(keys, ignoresCase), ignoresCase }))

/** A policy has no shape twice for one method. */
function withoutClashes(keys: readonly string[], ignoresCase: boolean): string[] {
  const taken = new Set<string>()
  return keys.filter(text => {
    const [names = '', shape = ''] = text.replace(/\{\w\}/g, '{}').split(' ')
    const own = names.split(',').map(name => `${name} ${ignoresCase ? shape.toLowerCase() : shape}`)
    if (own.some(entry => taken.has(entry))) return false
    for (const entry of own) taken.add(entry)
    return true
  })
}

const step = fc.constantFrom('a', 'b', 'A', 'ab', 'aB', '~', 'c', '', '*', '**')
const path = fc
  .array(step, { minLength: 1, maxLength: 6 })
  .map(steps => `/${steps.join('/')}`)
  .filter(text => !text.startsWith('//'))
const asked = fc.constantFrom(
  ...['GET', 'HEAD', 'POST', 'PROPFIND', 'OPTIONS', 'DELETE', 'TRACE', 'CONNECT'],
)
const requests = fc.array(fc.tuple(asked, path), { minLength: 1, maxLength: 20 })

test('the compiled table finds what reading the contract finds', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(table, requests, (rules, list) => {
      const [fast, slow] = [compiled(rules), naive(rules)]
      for (const [method, target] of list) {
        const answer = slow(method, target)
        seen.add(rules.keys.includes(answer) ? 'a route' : answer.replace(/ .*/, ''))
        expect([method, target, fast(method, target)]).toEqual([method, target, answer])
      }
    }),
    { numRuns: RUNS },
  )
  expect([...seen].sort()).toEqual(['a route', 'no', 'only'])
})

test('the order in the file means nothing', () => {
  const shuffled = table.chain(rules => {
    const { keys } = rules
    const other = fc.shuffledSubarray([...keys], { minLength: keys.length, maxLength: keys.length })
    return fc.tuple(fc.constant(rules), other, requests)
  })
  fc.assert(
    fc.property(shuffled, ([rules, keys, list]) => {
      const [one, other] = [compiled(rules), compiled({ ...rules, keys })]
      for (const [method, target] of list) expect(other(method, target)).toBe(one(method, target))
    }),
    { numRuns: RUNS / 3 },
  )
})
