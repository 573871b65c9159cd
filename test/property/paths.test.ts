import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { canonicalPath } from '../../gateway/policy/path.ts'
import { codeOf, stage } from '../contract/stage.ts'
import { request } from '../support/raw.ts'
import { keepConnection } from './connection.ts'

const RUNS = 3000
const ALLOWED = ['%2F', ';', '//']
const on = stage(({ url }) => ({
  dataSources: {
    grades: { hosts: ['strict'], routes: { 'GET /**': 'public' } },
    loose: {
      audience: 'https://n.feide.no/datasources/loose',
      hosts: ['loose'],
      upstream: { url },
      paths: { allow: ALLOWED },
      routes: { 'GET /**': 'public' },
    },
  },
}))
const connection = keepConnection(() => on.gateway.port)
afterAll(() => connection.close())

/** What paths that mislead are made of; escapes may also come about by concatenation. */
const PIECES = [
  ...['.', '..', '/', '//', '\\', ';', '#', '"', '<', '>', '^', '`', '{', '|', '}', '%', '%%'],
  ...['%2e', '%2E', '%2f', '%2F', '%5c', '%5C', '%3b', '%3B', '%00', '%0a', '%7f', '%1F'],
  ...['%25', '%252e', '%252F', '%255c', '%253B', '%2500', '25', '2e', '2F', '%32', '%45', '%65'],
  ...['%41', '%7E', '%7e', '%2d', '%5F', '%c3%b8', '%C3%A5', '%ff', '%20', '%3f', '%23', '%26'],
  ...['a', 'Z', '0', '~', '-', '_', ':', '@', '!', '$', '&', "'", '(', ')', '*', '+', ',', '='],
  ...['admin', 'open', '...', '.a', '%4', '%zz', '\xf8', '\x80', '%u002e', '%c0%af', '%e0%80%ae'],
]
const piece = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...PIECES) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...visible()), maxLength: 3 }) },
)
const path = fc.array(piece, { maxLength: 7 }).map(pieces => `/${pieces.join('')}`)
const misleading = fc
  .array(fc.constantFrom(...PIECES.slice(0, 41)), { maxLength: 5 })
  .map(pieces => `/a/${pieces.join('')}`)
const calm = fc
  .array(fc.constantFrom('a', '/b', '%41', '%c3%b8', '%7e', '.c', ':', '%20', '%2525'), {
    maxLength: 8,
  })
  .map(pieces => `/${pieces.join('')}`)
const anyPath = fc.oneof(path, misleading, calm)
const query = fc.option(
  fc
    .string({ unit: fc.constantFrom(...visible(), '\xf8', '%2e', '/../', '%'), maxLength: 8 })
    .filter(text => !text.includes('#'))
    .map(text => `?${text}`),
  { nil: '' },
)

function visible(): string[] {
  const codes = Array.from({ length: 0x7f - 0x21 }, (_, index) => index + 0x21)
  return codes.map(code => String.fromCharCode(code)).filter(character => character !== '?')
}

/** RFC 3986 §6.2.2: hex digits in upper case, unreserved characters decoded. */
function normalised(raw: string): string {
  return raw.replace(/%([0-9a-f]{2})/gi, (whole, hex) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return /[A-Za-z0-9._~-]/.test(character) ? character : whole.toUpperCase()
  })
}

/** Encodings of dots and slashes that only a broken decoder takes: may be refused as well. */
const OVERLONG = /%C[01]|%E0%[89]|%F[08]%8|%FC%8/i

/** The contract's list, written once more without looking at the gateway's. */
function isAmbiguous(raw: string): boolean {
  const path = normalised(raw)
  return (
    /[^\x21-\x7e]/.test(raw) ||
    /["<>^`{|}\\;#]/.test(raw) ||
    /%(?![0-9a-f]{2})/i.test(raw) ||
    /%([01][0-9A-F]|7F|2F|3B|5C)/.test(path) ||
    /%(25)+(2E|2F|5C|3B|00)/i.test(path) ||
    path.includes('//') ||
    path.split('/').some(segment => segment === '.' || segment === '..')
  )
}

/** The segments that the most generous reader would find. */
function segmentsOf(path: string): string[] {
  return path.split(/\/|%2F/).map(segment => segment.split(/;|%3B/)[0] ?? '')
}

/** Bytes above 0x7E are refused by the HTTP parser already, in the query too. */
const HIGH = /[^\x00-\x7e]/
const REFUSED = { status: 400, code: 'path_ambiguous', sent: [] }

async function ask(host: string, target: string) {
  const before = on.upstream.requests.length
  const answer = await connection.ask(request({ host, target }))
  const sent = on.upstream.requests.slice(before).map(seen => seen.target)
  return { status: answer.status, code: codeOf(answer), sent }
}

const pathOfUrl = (target: string) => new URL(`http://upstream.test${target}`).pathname

describe('a path that is let through over a kept connection', () => {
  test('is what a URL parser leaves unchanged, and every other is refused', async () => {
    await fc.assert(
      fc.asyncProperty(anyPath, query, async (raw, search) => {
        const result = await ask('strict', raw + search)
        if (result.status === 200) {
          expect(result.sent).toEqual([normalised(raw) + search])
          expect(pathOfUrl(normalised(raw))).toBe(normalised(raw))
        } else {
          expect(result).toEqual(REFUSED)
        }
        const said = result.status === 200 ? 'passed' : 'refused'
        if (!OVERLONG.test(raw) && !HIGH.test(search))
          expect(said).toBe(isAmbiguous(raw) ? 'refused' : 'passed')
      }),
      { numRuns: RUNS },
    )
  }, 60_000)

  test('is the same with every opt-in, and hides no dot segment', async () => {
    await fc.assert(
      fc.asyncProperty(anyPath, query, async (raw, search) => {
        const result = await ask('loose', raw + search)
        if (result.status !== 200) {
          expect(result).toEqual(REFUSED)
          return
        }
        expect(result.sent).toEqual([normalised(raw) + search])
        expect(pathOfUrl(normalised(raw))).toBe(normalised(raw))
        const segments = segmentsOf(normalised(raw))
        expect(segments.filter(segment => segment === '.' || segment === '..')).toEqual([])
      }),
      { numRuns: RUNS },
    )
  }, 60_000)

  test('stays what it is when it is sent again', async () => {
    await fc.assert(
      fc.asyncProperty(anyPath, async raw => {
        const first = await ask('loose', raw)
        const [target] = first.sent
        if (target !== undefined) expect(await ask('loose', target)).toEqual(first)
      }),
      { numRuns: RUNS / 3 },
    )
  }, 60_000)
})

describe('canonicalPath', () => {
  const rules = fc.record({
    encodedSlash: fc.boolean(),
    semicolon: fc.boolean(),
    emptySegments: fc.boolean(),
    caseInsensitive: fc.boolean(),
  })

  test('changes nothing when it is applied again, and neither does a URL parser', () => {
    fc.assert(
      fc.property(anyPath, rules, (raw, allowed) => {
        const path = canonicalPath(raw, allowed)
        if (typeof path !== 'string') return
        expect(path).toBe(normalised(raw))
        expect(canonicalPath(path, allowed)).toBe(path)
        expect(pathOfUrl(path)).toBe(path)
      }),
      { numRuns: 20 * RUNS },
    )
  })

  test('takes exactly what the contract lets through', () => {
    const none = {
      encodedSlash: false,
      semicolon: false,
      emptySegments: false,
      caseInsensitive: false,
    }
    fc.assert(
      fc.property(fc.oneof(anyPath, fc.string(), fc.string({ unit: 'binary' })), text => {
        const raw = `/${text}`
        if (OVERLONG.test(raw) || raw.includes('?')) return
        const passes = typeof canonicalPath(raw, none) === 'string'
        expect(passes).toBe(!isAmbiguous(raw))
      }),
      { numRuns: 20 * RUNS },
    )
  })
})
