import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { identityOf, stage } from '../contract/stage.ts'
import { AUDIENCE, CLAIM, CLIENT_ID, type Claims, USER_ID } from '../support/issuer.ts'
import { type HeaderList, request } from '../support/raw.ts'
import { headerOf } from '../support/upstream.ts'
import { keepConnection } from './connection.ts'

const RUNS = 1500
const source = (id: string, url: string, headers: object) => ({
  audience: AUDIENCE,
  hosts: [id],
  upstream: { url, credentials: { basic: { username: 'dataporten', password: 'secret' } } },
  headers,
  routes: { 'ANY /me': 'authenticated', 'ANY /health': 'public' },
})
const RENAME: Record<string, string> = { readall: 'read', basic: 'gone' }
const INJECT = { inject: { 'X-User-Name': { claim: 'name', encoding: 'percent' } } }
const on = stage(({ url }) => ({
  dataSources: {
    grades: source('grades', url, INJECT),
    every: source('every', url, {
      ...INJECT,
      useridSec: ['feide', 'nin'],
      scopes: { rename: RENAME, drop: ['gone'] },
      strip: ['Remote-User'],
    }),
  },
}))
const connection = keepConnection(() => on.gateway.port)
afterAll(() => connection.close())

const PROTECTED = [
  ...['userid', 'userid-sec', 'scopes', 'clientid', 'gatekeeper', 'token', 'acr', 'x', ''].map(
    name => `x-dataporten-${name}`,
  ),
  ...['x-feideconnect-userid', 'x-feide-userid', 'x-user-name', 'remote-user'],
]
const MARKS = [..."-_.!#$%&'*+^`|~"]
const TOKEN = [...MARKS, ...'abcXYZ019']

const cased = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map(upper => [...name].map((c, at) => (upper[at] ? c.toUpperCase() : c)).join(''))
const dashed = (name: string) =>
  fc.array(fc.constantFrom('-', '-', ...MARKS), { minLength: 4, maxLength: 4 }).map(marks => {
    let at = 0
    return name.replaceAll('-', () => marks[at++ % marks.length] ?? '-')
  })
const forgedName = fc
  .constantFrom(...PROTECTED)
  .chain(dashed)
  .chain(cased)
const otherName = fc
  .string({ unit: fc.constantFrom(...TOKEN), minLength: 1, maxLength: 12 })
  .map(text => `q${text}`)
const value = fc
  .string({ unit: fc.constantFrom(...'abc ,;="\t\xe5\xff'), maxLength: 12 })
  .map(text => text.replace(/^[ \t]+|[ \t]+$/g, ''))
const forged = fc.tuple(
  forgedName,
  value.map(text => `forged${text}`),
)
const other = fc.tuple(otherName, value)
const nominations = fc
  .array(
    fc.oneof(
      forgedName,
      otherName,
      fc.constantFrom('close', 'keep-alive', 'host', '', 'authorization'),
    ),
    {
      maxLength: 6,
    },
  )
  .map((names): [string, string] => ['Connection', names.join(', ')])
const callerHeaders = fc.array(
  fc.oneof({ weight: 4, arbitrary: forged }, { weight: 2, arbitrary: other }, nominations),
  { maxLength: 40 },
)

const scopeName = fc.oneof(
  fc.constantFrom('read', 'readall', 'basic', 'gone', 'append', 'Read', 'constructor'),
  fc.string({ unit: fc.constantFrom(...'abAB:/._-~'), minLength: 1, maxLength: 5 }),
)
const id = fc.string({ unit: fc.constantFrom(...'abB@.1'), minLength: 1, maxLength: 5 })
const secondaryId = fc
  .tuple(fc.constantFrom('feide', 'nin', 'p', 'FEIDE'), id)
  .map(([kind, name]) => `${kind}:${name}`)
const claims = fc.record({
  sub: fc.constantFrom(USER_ID, CLIENT_ID, 'someone', CLIENT_ID.toUpperCase()),
  scopes: fc.array(scopeName, { maxLength: 5 }),
  scopeIsList: fc.boolean(),
  ids: fc.option(fc.array(secondaryId, { maxLength: 4 }), { nil: undefined }),
  idsAreText: fc.boolean(),
  eppn: fc.option(id, { nil: undefined }),
  nin: fc.option(id, { nil: undefined }),
  name: fc.option(fc.string({ unit: 'binary-ascii', maxLength: 8 }), { nil: undefined }),
})
type Arbitrary = typeof claims extends fc.Arbitrary<infer T> ? T : never

const tokenOf = (c: Arbitrary): Claims => ({
  sub: c.sub,
  scope: c.scopeIsList ? c.scopes : c.scopes.join(' '),
  name: c.name,
  [`${CLAIM}userid_sec`]: c.idsAreText ? c.ids?.join(',') : c.ids,
  [`${CLAIM}eduPersonPrincipalName`]: c.eppn,
  [`${CLAIM}nin`]: c.nin,
})
const listed = (values: string[]) => [...new Set(values)].sort().join(',')

/** What the token implies, read off the contract's table. */
function impliedBy(host: string, c: Arbitrary): HeaderList {
  const every = host === 'every'
  const isUser = c.sub !== CLIENT_ID
  const kinds = every ? ['feide', 'nin'] : ['feide']
  const ids = [
    ...(c.ids ?? []),
    ...(c.eppn === undefined ? [] : [`feide:${c.eppn}`]),
    ...(c.nin === undefined ? [] : [`nin:${c.nin}`]),
  ].filter(entry => kinds.includes(entry.split(':')[0] ?? ''))
  const renamed = c.scopes.map(
    scope => (Object.hasOwn(RENAME, scope) ? RENAME[scope] : scope) ?? '',
  )
  const scopes = every ? renamed.filter(scope => scope !== 'gone') : c.scopes
  const all: HeaderList = [
    ['X-Dataporten-clientid', CLIENT_ID],
    ['X-Dataporten-gatekeeper', host],
    ['X-Dataporten-scopes', listed(scopes)],
    ['X-Dataporten-userid', isUser ? c.sub : ''],
    ['X-Dataporten-userid-sec', isUser ? listed(ids) : ''],
  ]
  return all.filter(([, text]) => text !== '')
}

const percent = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )

async function seenOf(target: string, host: string, headers: HeaderList, token?: string) {
  const before = on.upstream.requests.length
  const answer = await connection.ask(request({ target, host, headers, token }))
  const [seen, ...more] = on.upstream.requests.slice(before)
  if (seen === undefined || more.length > 0) throw new Error(`not passed once: ${answer.raw}`)
  return seen
}
const hosts = fc.constantFrom('grades', 'every')

describe('for any headers of the caller', () => {
  test('the identity is exactly what the token implies', async () => {
    await fc.assert(
      fc.asyncProperty(hosts, callerHeaders, claims, async (host, headers, c) => {
        const token = on.issuer.token(tokenOf(c))
        const seen = await seenOf('/me', host, headers, token)
        expect({
          identity: identityOf(seen),
          name: headerOf(seen, 'x-user-name'),
          authorization: headerOf(seen, 'authorization'),
          forged: seen.headers.filter(([, text]) => text.startsWith('forged')),
          folding: seen.headers.filter(([name]) => /[^a-z0-9-]/i.test(name)),
        }).toEqual({
          identity: impliedBy(host, c),
          name: c.name === undefined || c.name === '' ? [] : [percent(c.name)],
          authorization: ['Basic ZGF0YXBvcnRlbjpzZWNyZXQ='],
          forged: [],
          folding: [],
        })
      }),
      { numRuns: RUNS },
    )
  }, 60_000)

  test('there is no identity without a token', async () => {
    await fc.assert(
      fc.asyncProperty(hosts, callerHeaders, async (host, headers) => {
        const seen = await seenOf('/health', host, headers)
        expect({
          identity: identityOf(seen),
          authorization: headerOf(seen, 'authorization'),
          forged: seen.headers.filter(([, text]) => text.startsWith('forged')),
        }).toEqual({
          identity: [['X-Dataporten-gatekeeper', host]],
          authorization: [],
          forged: [],
        })
      }),
      { numRuns: RUNS },
    )
  }, 60_000)

  test('what is neither protected nor named in Connection arrives in order', async () => {
    await fc.assert(
      fc.asyncProperty(hosts, callerHeaders, async (host, headers) => {
        const named = new Set(
          headers
            .filter(([name]) => name === 'Connection')
            .flatMap(([, names]) => names.split(',').map(name => name.trim().toLowerCase())),
        )
        const wanted = headers.filter(
          ([name]) => /^q[a-z0-9-]*$/i.test(name) && !named.has(name.toLowerCase()),
        )
        const seen = await seenOf('/health', host, headers)
        expect(seen.headers.filter(([name]) => name.startsWith('q'))).toEqual(wanted)
      }),
      { numRuns: RUNS },
    )
  }, 60_000)
})
