import { describe, expect, test } from 'vitest'
import { AUDIENCE, CLAIM, CLIENT_ID, type Claims, USER_ID } from '../support/issuer.ts'
import type { HeaderList } from '../support/raw.ts'
import { headerOf } from '../support/upstream.ts'
import { identityOf, refused, stage } from './stage.ts'

/** One data source for each variant of `headers`, chosen by the host. */
const VARIANTS = {
  plain: {},
  old: { profile: 'feideconnect' },
  none: { profile: 'none' },
  named: { gatekeeper: 'old-name' },
  nobody: { userid: false },
  nin: { useridSec: ['nin'] },
  both: { useridSec: ['feide', 'nin'] },
  renamed: { scopes: { rename: { readall: 'read', basic: 'minimal' }, drop: ['minimal', 'gk'] } },
}
const on = stage(upstream => ({
  dataSources: Object.fromEntries(
    Object.entries({ ...VARIANTS, grades: {} }).map(([id, headers]) => [
      id,
      {
        audience: AUDIENCE,
        hosts: [id],
        upstream: { url: upstream.url },
        headers,
        routes: { 'GET /me': 'authenticated', 'GET /health': 'public' },
      },
    ]),
  ),
}))

const EPPN = `${CLAIM}eduPersonPrincipalName`
const NIN = `${CLAIM}nin`
const SEC = `${CLAIM}userid_sec`
const seenOf = (host: string, overrides: Claims = {}) =>
  on.passed({ host, target: '/me', token: on.issuer.token(overrides) })

describe('the profile', () => {
  const user = (prefix: string, gatekeeper: string): HeaderList => [
    [`${prefix}clientid`, CLIENT_ID],
    [`${prefix}gatekeeper`, gatekeeper],
    [`${prefix}scopes`, 'append,read'],
    [`${prefix}userid`, USER_ID],
    [`${prefix}userid-sec`, 'feide:asbjorn@example.no'],
  ]
  const OF_USER: [string, HeaderList][] = [
    ['plain', user('X-Dataporten-', 'plain')],
    ['old', user('X-FeideConnect-', 'old')],
    ['none', []],
    ['named', user('X-Dataporten-', 'old-name')],
    ['nobody', user('X-Dataporten-', 'nobody').filter(([name]) => !name.endsWith('userid'))],
  ]
  const without = (list: HeaderList, part: string) => list.filter(([name]) => !name.includes(part))

  test.each(OF_USER)('%s tells of a user', async (host, identity) => {
    expect(identityOf(await seenOf(host))).toEqual(identity)
  })

  test.each(OF_USER)('%s tells of a system without a user id', async (host, identity) => {
    const seen = await on.passed({ host, target: '/me', token: on.issuer.systemToken() })
    expect(identityOf(seen)).toEqual(without(identity, 'userid'))
  })

  test.each(OF_USER)('%s tells of a public request by the gatekeeper alone', async (host, all) => {
    const seen = await on.passed({ host, target: '/health' })
    expect(identityOf(seen)).toEqual(all.filter(([name]) => name.endsWith('gatekeeper')))
  })

  test.each(OF_USER)('%s tells of a token on a public route', async (host, identity) => {
    const seen = await on.passed({ host, target: '/health', token: on.issuer.token() })
    expect(identityOf(seen)).toEqual(identity)
  })

  test('a system has no secondary ids, whatever its claims say', async () => {
    const claims = { [EPPN]: 'a@b.no', [NIN]: '01017012345', [SEC]: ['feide:c@d.no'], name: 'X' }
    const token = on.issuer.systemToken(claims)
    const seen = await on.passed({ host: 'both', target: '/me', token })
    expect(identityOf(seen).map(([name]) => name)).toEqual([
      'X-Dataporten-clientid',
      'X-Dataporten-gatekeeper',
      'X-Dataporten-scopes',
    ])
  })

  test('a user is told from a system by sub and client_id alone', async () => {
    const seen = await seenOf('plain', { name: undefined, [EPPN]: undefined, [SEC]: undefined })
    expect(headerOf(seen, 'x-dataporten-userid')).toEqual([USER_ID])
  })

  test('a sub that only differs in case is a user', async () => {
    const seen = await seenOf('plain', { sub: CLIENT_ID.toUpperCase() })
    expect(headerOf(seen, 'x-dataporten-userid')).toEqual([CLIENT_ID.toUpperCase()])
  })
})

describe('X-Dataporten-userid-sec', () => {
  const A = 'feide:a@example.no'
  const B = 'feide:b@example.no'
  const ID = 'nin:01017012345'

  test.each<[string, string, Claims, string[]]>([
    ['of the eduPersonPrincipalName', 'plain', { [EPPN]: 'a@example.no' }, [A]],
    ['of the list', 'plain', { [SEC]: [A] }, [A]],
    ['of the text', 'plain', { [SEC]: A }, [A]],
    ['of a text with several', 'plain', { [SEC]: `${B},${A}` }, [`${A},${B}`]],
    ['of several sources', 'plain', { [EPPN]: 'b@example.no', [SEC]: [A] }, [`${A},${B}`]],
    ['sorted', 'plain', { [SEC]: [B, A] }, [`${A},${B}`]],
    [
      'sorted by code, not by language',
      'plain',
      { [SEC]: ['feide:b', 'feide:C'] },
      ['feide:C,feide:b'],
    ],
    ['without duplicates', 'plain', { [SEC]: [A, B, A, B] }, [`${A},${B}`]],
    ['without duplicates of two sources', 'plain', { [EPPN]: 'a@example.no', [SEC]: [A] }, [A]],
    ['without other kinds', 'plain', { [SEC]: ['p:12', A, 'mobile:1', 'eduroam:x'] }, [A]],
    ['without entries that have no kind', 'plain', { [SEC]: [A, 'a@example.no', 'feide'] }, [A]],
    ['kinds in their own case only', 'plain', { [SEC]: [A, 'FEIDE:x@y.no'] }, [A]],
    ['no nin unless asked for', 'plain', { [NIN]: '01017012345', [SEC]: [A, ID] }, [A]],
    ['absent when only other kinds are there', 'plain', { [SEC]: ['p:12', ID] }, []],
    ['absent when the list is empty', 'plain', { [SEC]: [] }, []],
    ['absent when the text is empty', 'plain', { [SEC]: '' }, []],
    ['absent without any claim', 'plain', {}, []],
    ['the nin of its claim', 'nin', { [NIN]: '01017012345' }, [ID]],
    ['the nin of the list', 'nin', { [SEC]: [A, ID] }, [ID]],
    [
      'the nin alone when only that is asked for',
      'nin',
      { [EPPN]: 'a@b.no', [NIN]: '1' },
      ['nin:1'],
    ],
    ['both kinds', 'both', { [EPPN]: 'a@example.no', [NIN]: '01017012345' }, [`${A},${ID}`]],
    ['both kinds of a text', 'both', { [SEC]: `${ID},${A}` }, [`${A},${ID}`]],
    ['the nin once', 'both', { [NIN]: '01017012345', [SEC]: [ID, ID] }, [ID]],
  ])('%s (%s)', async (_, host, claims, values) => {
    const seen = await seenOf(host, { [EPPN]: undefined, [SEC]: undefined, ...claims })
    expect(headerOf(seen, 'x-dataporten-userid-sec')).toEqual(values)
  })
})

describe('X-Dataporten-scopes', () => {
  test.each<[string, string, unknown, string[]]>([
    ['sorted and joined', 'plain', 'read append', ['append,read']],
    ['sorted by code, not by language', 'plain', 'b C a', ['C,a,b']],
    ['of a list', 'plain', ['write', 'append'], ['append,write']],
    ['without duplicates', 'plain', 'read read append read', ['append,read']],
    ['of one', 'plain', 'read', ['read']],
    ['with marks', 'plain', 'gk_kdto99:a/b.c-d_e', ['gk_kdto99:a/b.c-d_e']],
    ['absent without the claim', 'plain', undefined, []],
    ['absent when empty', 'plain', '', []],
    ['absent when an empty list', 'plain', [], []],
    ['renamed', 'renamed', 'readall append', ['append,read']],
    ['renamed onto another that is there', 'renamed', 'readall read', ['read']],
    ['dropped', 'renamed', 'gk read', ['read']],
    ['renamed first, then dropped', 'renamed', 'basic read', ['read']],
    ['dropped under the new name alone', 'renamed', 'minimal gk', []],
    ['absent when all are dropped', 'renamed', 'gk basic', []],
    ['renamed once, not again', 'renamed', 'readall', ['read']],
    [
      'names that objects have are names',
      'renamed',
      'constructor toString',
      ['constructor,toString'],
    ],
  ])('%s (%s)', async (_, host, scope, values) => {
    expect(headerOf(await seenOf(host, { scope }), 'x-dataporten-scopes')).toEqual(values)
  })
})

describe('what cannot be written safely fails the request', () => {
  test.each<[string, Claims]>([
    ['a comma in a scope', { scope: 'read a,b' }],
    ['a line break in a scope', { scope: 'read a\r\nb' }],
    ['a tab in a scope', { scope: 'read a\tb' }],
    ['a letter beyond ASCII in a scope', { scope: 'read l\u00e6r' }],
    ['a comma in an entry of the list', { [SEC]: ['feide:a@b.no,feide:admin@b.no'] }],
    ['a comma in the eduPersonPrincipalName', { [EPPN]: 'a@b.no,feide:admin@b.no' }],
    ['a line break in an entry', { [SEC]: ['feide:a\r\nX-Dataporten-Userid: b'] }],
    ['a NUL in the eduPersonPrincipalName', { [EPPN]: 'a\u0000@b.no' }],
    ['a letter beyond ASCII in an entry', { [SEC]: ['feide:\u00e5se@b.no'] }],
    ['a letter beyond latin1 in the eduPersonPrincipalName', { [EPPN]: '\u0141ukasz@b.no' }],
    ['white space at the end of the eduPersonPrincipalName', { [EPPN]: 'a@b.no ' }],
    ['an object for the eduPersonPrincipalName', { [EPPN]: { a: 1 } }],
    ['an object in the list', { [SEC]: [{ feide: 'a@b.no' }] }],
    ['a list in the list', { [SEC]: [['feide:a@b.no']] }],
    ['null in the list', { [SEC]: ['feide:a@b.no', null] }],
    ['an object for the list', { [SEC]: { feide: 'a@b.no' } }],
  ])('%s', async (_, claims) => {
    const parts = { host: 'plain', target: '/me', token: on.issuer.token(claims) }
    expect(await on.outcome(parts)).toEqual(refused(502, 'claim_unrepresentable'))
  })

  test('a nin that is not asked for does no harm', async () => {
    const seen = await seenOf('plain', { [NIN]: 'a\r\nb' })
    expect(headerOf(seen, 'x-dataporten-userid-sec')).toEqual(['feide:asbjorn@example.no'])
  })
})
