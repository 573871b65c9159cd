// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the policy file
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { readLog } from '../../gateway/commands/diff/log.ts'
import { type DiffOptions, diff } from '../../gateway/commands/diff.ts'
import { cli } from '../support/gateway.ts'
import { onTerminal, policyFile } from './support.ts'

/** A policy of one data source with these routes, and these lines before them; line 6 is the first route. */
const policy = (routes: readonly string[], before = '', settings = '') =>
  `issuer: { url: https://a.no }
dataSources:
  grades:
    audience: grades
    upstream: { url: http://legacy }${before === '' ? '' : `\n    ${before}`}
    routes:
${routes.map(route => `      ${route}\n`).join('')}${settings}`

async function* inPieces(text: string, size: number) {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

const NO_OPTIONS: DiffOptions = { json: false }

/** What the command says, with the names of the files alone; a log comes over stdin. */
async function said(old: string, next: string, { log, json = false }: Said = {}) {
  const [a, b] = [policyFile(old), policyFile(next)]
  const options = log === undefined ? { json } : { json, log: '-' }
  const stdin = () => Readable.from([Buffer.from(log ?? '')])
  const env = { PASSWORD: 'geheim', OTHER: 'hemmelig' }
  const { status, out, err } = await onTerminal(
    on => diff([a.file, b.file], { ...NO_OPTIONS, ...options }, on, stdin),
    { env },
  )
  const plain = (lines: string[]) =>
    lines.map(line => line.replaceAll(a.file, 'old').replaceAll(b.file, 'new'))
  return { status, out: plain(out), err: plain(err) }
}
type Said = { readonly log?: string; readonly json?: boolean }

/** Status, and what is told of routes. */
async function told(old: readonly string[], next: readonly string[], ...before: readonly string[]) {
  const { status, out } = await said(policy(old, before[0]), policy(next, before[1] ?? before[0]))
  return { status, lines: out.slice(0, -1).map(line => line.trim().replace(/ {2,}/g, ' | ')) }
}
const SAME = { status: 0, lines: [] }

describe('diff says nothing of', () => {
  const READ = 'GET /a: { scopes: [read] }'
  test.for<readonly [string, readonly string[], readonly string[]]>([
    ['routes in another order', [READ, 'GET /b: public'], ['GET /b: public', READ]],
    ['another name in a pattern', ['GET /a/{id}: public'], ['GET /a/{course}: public']],
    [
      'scopes in another order',
      ['GET /a: { scopes: [read, list] }'],
      ['GET /a: { scopes: [list, read] }'],
    ],
    ['one alternative, written as one', [READ], ['GET /a: { scopes: { anyOf: [read] } }']],
    [
      'an alternative that another one makes needless',
      [READ],
      ['GET /a: { scopes: { anyOf: [[read, list], read] } }'],
    ],
    [
      'methods together, or each for itself',
      ['GET,PUT /a: public'],
      ['GET /a: public', 'PUT /a: public'],
    ],
    ['HEAD beside GET', ['GET /a: public'], ['GET,HEAD /a: public']],
    [
      'a route that a wildcard would take alike',
      ['ANY /a/**: public', 'GET /a/b: public'],
      ['ANY /a/**: public'],
    ],
    [
      'a wildcard, or the two shapes that it is made of',
      ['GET /a/**: public'],
      [
        'GET /a: public',
        'GET /a/: public',
        'GET /a/{x}: public',
        'GET /a/{x}/**: public',
        'GET /a//**: public',
      ],
    ],
    [
      'clients in another order',
      ['GET /a: { scopes: [r], clients: [a, b] }'],
      ['GET /a: { scopes: [r], clients: [b, a] }'],
    ],
    [
      'the word that is the default',
      [READ],
      ['GET /a: { scopes: [read], principal: any, enforce: true }'],
    ],
    ['enforce where nothing is asked for', ['GET /a: authenticated'], ['GET /a: authenticated']],
  ])('%s', async ([, old, next]) => {
    const paths = old.concat(next).some(route => route.includes('//'))
      ? 'paths: { allow: ["//"] }'
      : ''
    expect(await told(old, next, paths)).toEqual(SAME)
  })
  test('hosts that go another way to the same', async () => {
    const of = (hosts: string) => policy(['GET /a: public'], `hosts: [${hosts}]`)
    expect((await said(of('a.no, b.no'), of('B.no, a.no.'))).status).toBe(0)
  })
  test('the short form of an upstream', async () => {
    const short = policy(['GET /a: public']).replace('{ url: http://legacy }', 'http://legacy')
    const { status, out } = await said(policy(['GET /a: public']), short)
    expect({ status, out }).toEqual({ status: 0, out: ['same old new: 0 difference(s) in access'] })
  })
})

describe('diff lists', () => {
  const ADMIN = 'ANY /admin/**: { scopes: [admin] }'
  test.for<readonly [string, readonly string[], readonly string[], readonly string[]]>([
    [
      'a new route',
      ['GET /a: public'],
      ['GET /a: public', 'POST,PUT /b/{id}: { scopes: [append], principal: user }'],
      ['newly reachable', 'POST,PUT /b/{id} | append, for a user | new:8'],
    ],
    [
      'a route that is gone, and took HEAD as well',
      ['GET /a: public', 'GET /b: authenticated'],
      ['GET /a: public'],
      ['no longer reachable', 'GET /b | any valid token | old:8'],
    ],
    [
      'one that falls through to a wildcard',
      [ADMIN, 'GET /admin/health: public'],
      [ADMIN],
      ['stricter', 'GET /admin/health | public -> admin | old:8 new:7'],
    ],
    [
      'one that is cut out of a wildcard',
      [ADMIN],
      [ADMIN, 'GET /admin/{x}/info: authenticated'],
      ['looser', 'GET /admin/{x}/info | admin -> any valid token | old:7 new:8'],
    ],
    [
      'the rest of a wildcard that has become one shape',
      ['GET /a/**: public'],
      ['GET /a/{x}: public'],
      ['no longer reachable', 'GET /a/** (in part: such as /a) | public | old:7'],
    ],
    [
      'methods that ANY has more',
      ['GET /a: public'],
      ['ANY /a: public'],
      ['newly reachable', 'ANY but GET /a | public | new:7'],
    ],
    [
      'a scope more',
      ['GET /a: { scopes: [read] }'],
      ['GET /a: { scopes: [read, list] }'],
      ['stricter', 'GET /a | read -> read and list | old:7 new:7'],
    ],
    [
      'an alternative more',
      ['GET /a: { scopes: [read] }'],
      ['GET /a: { scopes: { anyOf: [read, list] } }'],
      ['looser', 'GET /a | read -> read, or list | old:7 new:7'],
    ],
    [
      'another scope',
      ['GET /a: { scopes: [read] }'],
      ['GET /a: { scopes: [list] }'],
      ['looser for some, stricter for others', 'GET /a | read -> list | old:7 new:7'],
    ],
    [
      'a principal',
      ['GET /a: { scopes: [read] }'],
      ['GET /a: { scopes: [read], principal: system }'],
      ['stricter', 'GET /a | read -> read, for a system | old:7 new:7'],
    ],
    [
      'clients, with those that come and go',
      ['GET /a: { scopes: [read], clients: [a, b] }'],
      ['GET /a: { scopes: [read], clients: [a, c] }'],
      [
        'looser for some, stricter for others',
        'GET /a | read, for 2 client(s) | old:7 new:7',
        'clients: +c -b',
      ],
    ],
    [
      'what is no longer enforced',
      ['GET /a: { scopes: [read] }'],
      ['GET /a: { scopes: [read], enforce: false }'],
      ['looser', 'GET /a | read -> read (not enforced) | old:7 new:7'],
    ],
    [
      'a route where the gateway itself answers to GET',
      ['ANY /**: public'],
      ['ANY /**: public', 'ANY /.well-known/oauth-protected-resource: authenticated'],
      [
        'stricter',
        'ANY but GET /.well-known/oauth-protected-resource | public -> any valid token | old:7 new:8',
      ],
    ],
    [
      'an OPTIONS route, which closes preflights',
      ['ANY /a: authenticated'],
      ['ANY /a: authenticated', 'OPTIONS /a: authenticated'],
      ['stricter', 'preflights /a | preflights without a token -> any valid token | new:8'],
    ],
  ])('%s', async ([, old, next, lines]) => {
    expect(await told(old, next)).toEqual({ status: 1, lines })
  })
  test('other marks of requests that are let through either way, which changes nobody’s access', async () => {
    const next = ['GET /a: { scopes: [list], enforce: false }']
    expect(await told(['GET /a: { scopes: [read], enforce: false }'], next)).toEqual({
      status: 0,
      lines: [
        'let through as before, but marked otherwise (enforce: false)',
        'GET /a | read (not enforced) -> list (not enforced) | old:7 new:7',
      ],
    })
  })
  test('an audience more, opaque tokens, and paths that are told apart otherwise', async () => {
    const routes = ['GET /a/{x}: authenticated', 'GET /me: public']
    const exchange = 'exchange: { clientId: c, clientSecret: "${PASSWORD}" }'
    const more = policy(routes, exchange).replace('audience: grades', 'audience: [grades, marks]')
    const { status, out } = await said(policy(routes), more)
    expect(status).toBe(1)
    expect(out.slice(0, 7)).toEqual([
      'looser',
      '  GET /a/{x}  any valid token  old:7 new:8',
      '      audience: +marks',
      '      exchange: opaque tokens are taken',
      '  GET /me     public           old:8 new:9',
      '      audience: +marks',
      '      exchange: opaque tokens are taken',
    ])
    expect(await told(routes, routes, '', 'paths: { allow: ["%2F"], case: insensitive }')).toEqual({
      status: 1,
      lines: [
        'newly reachable',
        'GET /a/{x} (in part: such as /a/x%2Fx) | any valid token | new:8',
        'GET /me (in part: such as /Me) | public | new:9',
      ],
    })
  })
  const FOLDED = 'case: insensitive'
  test.for<readonly [string, readonly string[], string, readonly string[]]>([
    ['allow: ["//"]', ['GET /a/**: public'], 'GET /a/** (in part: such as /a//x)', []],
    ['allow: [";"]', ['GET /a/{x}: public'], 'GET /a/{x} (in part: such as /a/x;x)', []],
    ['allow: ["%2F"]', ['GET /a/{x}: public'], 'GET /a/{x} (in part: such as /a/x%2Fx)', []],
    [FOLDED, ['GET /ab: public'], 'GET /ab (in part: such as /Ab)', []],
    [FOLDED, ['GET /ab: public'], 'GET /ab (in part: such as /aB)', ['GET /Ab: public']],
    [FOLDED, ['GET /%C3%B8: public'], '', []],
    [FOLDED, ['GET /a: public'], '', ['GET /A: public']],
  ])('paths that were refused, with %s: %j', async ([paths, next, row, more]) => {
    const { status, lines } = await told(
      [...next, ...more],
      next,
      'maxBody: 10MiB',
      `paths: { ${paths} }`,
    )
    const listed = row === '' ? [] : ['newly reachable', `${row} | public | new:8`]
    expect({ status, lines }).toEqual({ status: row === '' ? 0 : 1, lines: listed })
  })
  test('hosts, where not all of them are meant', async () => {
    const routes = ['GET /a: public']
    const before = policy(routes, 'hosts: [a.no, b.no]')
    const { out } = await said(before, policy(routes, 'hosts: [a.no]'))
    expect(out[1]).toBe('  GET /a  public  b.no  old:8')
    const many = policy(routes, 'hosts: [a.no, b.no, c.no, d.no, e.no]')
    const { out: five } = await said(many, policy(routes, 'hosts: [f.no]'))
    expect(five).toContain('  GET /a  public  a.no, b.no, c.no, 2 more  old:8')
    const { out: any } = await said(policy(routes), before)
    expect(any.slice(0, 2)).toEqual([
      'no longer reachable',
      '  GET /a  public  any other host  old:7',
    ])
  })
})

describe('what neither lets in nor refuses', () => {
  const GET = ['GET /a: public']
  test('is listed by its key, and ends with 0', async () => {
    const next = policy(GET, 'maxBody: 1KiB', 'limits: { connections: 5 }\n').replace(
      'http://legacy',
      'http://other, timeout: 5s',
    )
    expect(await said(policy(GET), next)).toEqual({
      status: 0,
      err: [],
      out: [
        'nothing that lets in or refuses',
        '  limits.connections: the default -> 5',
        '  dataSources.grades.upstream.url: http://legacy -> http://other',
        '  dataSources.grades.upstream.timeout: the default -> 5s',
        '  dataSources.grades.maxBody: the default -> 1KiB',
        'same old new: 0 difference(s) in access',
      ],
    })
  })
  test('shows no secret, and no value of a variable', async () => {
    const of = (word: string, plain: string) =>
      policy(GET, `headers: { gatekeeper: "\${${word}}" }`).replace(
        'http://legacy',
        `http://legacy, credentials: { basic: { username: ${plain}, password: "\${${word}}" } }`,
      )
    const { out } = await said(of('PASSWORD', 'kari'), of('OTHER', 'ola'))
    expect(out).toEqual([
      'nothing that lets in or refuses',
      '  dataSources.grades.upstream.credentials.basic.username: differs',
      '  dataSources.grades.upstream.credentials.basic.password: differs',
      '  dataSources.grades.headers.gatekeeper: "${PASSWORD}" -> "${OTHER}"',
      'same old new: 0 difference(s) in access',
    ])
    const { out: json } = await said(of('PASSWORD', 'kari'), of('OTHER', 'ola'), { json: true })
    expect(json.join('\n')).not.toMatch(/geheim|hemmelig|kari|ola"/)
  })
  test('names the data source that took over', async () => {
    const next = policy(GET).replace('  grades:', '  marks:')
    const { status, out } = await said(policy(GET), next)
    expect([status, out[1]]).toEqual([0, '  dataSources.marks: grades -> marks'])
  })
})

test.for([
  [
    'url: https://b.no',
    'issuer.url: https://a.no -> https://b.no',
    'looser for some, stricter for others',
  ],
  ['url: https://a.no, maxLifetime: 5m', 'issuer.maxLifetime: the default -> 5m', 'stricter'],
  ['url: https://a.no, clockTolerance: 9s', 'issuer.clockTolerance: the default -> 9s', 'looser'],
  [
    'url: https://a.no, algorithms: [RS256, ES256]',
    'issuer.algorithms: [] -> [RS256, ES256]',
    'looser',
  ],
] as const)('settings of the issuer bear on every route: %s', async ([issuer, line, how]) => {
  const next = policy(['GET /a: public']).replace('url: https://a.no', issuer)
  const { status, out } = await said(policy(['GET /a: public']), next)
  const shown = line.replace('[] ->', 'the default ->')
  expect([status, ...out.slice(0, 2)]).toEqual([
    1,
    'which tokens are good, on every route',
    `  ${shown} (${how})`,
  ])
})

describe('diff --log', () => {
  const line = (fields: object) =>
    JSON.stringify({ level: 'info', msg: 'request', dataSource: 'grades', ...fields })
  const user = (clientId: string) => ({ clientId, principal: 'user' })
  const system = (clientId: string) => ({ clientId, principal: 'system' })
  const allow = (route: string, who: object = {}, method = 'GET') =>
    line({ route, method, status: 200, decision: 'allow', ...who })
  const deny = (route: string, code: string, who: object = {}, method = 'GET') =>
    line({ route, method, status: 403, decision: 'deny', code, ...who })
  const times = (count: number, text: string) => `${text}\n`.repeat(count)

  /** What is told of the requests: of each change, then of all together. */
  async function counted(old: readonly string[], next: readonly string[], log: string, more = '') {
    const { out } = await said(policy(old, more), policy(next, more), { log })
    const at = out.findIndex(one => one.startsWith('log: '))
    const ofChanges = out.slice(0, at).filter(one => one.includes('would be'))
    return [...ofChanges, ...out.slice(at, -1)].map(one => one.trim())
  }

  test('counts exactly where principal, client or token decide', async () => {
    const old = [
      'GET /a: { scopes: [read] }',
      'GET /b: { scopes: [read] }',
      'GET /c: public',
      'GET /d: public',
    ]
    const next = [
      'GET /a: { scopes: [read], principal: user }',
      'GET /b: { scopes: [read], clients: [c] }',
      'GET /c: authenticated',
    ]
    const log =
      times(3, allow('/a', system('night'))) +
      times(5, allow('/a', user('web'))) +
      times(2, allow('/b', user('web'))) +
      times(4, allow('/b', user('c'))) +
      times(6, allow('/c')) +
      times(7, allow('/c', user('web'))) +
      allow('/d', {}, 'HEAD')
    expect(await counted(old, next, log)).toEqual([
      'would be refused: 1 request(s): no token (1)',
      'would be refused: 3 request(s): night (3)',
      'would be refused: 2 request(s): web (2)',
      'would be refused: 6 request(s): no token (6)',
      'log: 28 request(s)',
      'would be refused: 12 request(s): no token (7), night (3), web (2)',
    ])
  })
  test('tells exactly whom the end of enforce: false would refuse', async () => {
    const loose = [
      'GET /a: { scopes: [read], principal: user, enforce: false }',
      'GET /b: { scopes: [read], enforce: false }',
    ]
    const log =
      times(9, allow('/a', user('good'))) +
      times(2, allow('/a', { ...user('bad'), shadow: 'scope_missing' })) +
      times(1, allow('/a', { ...system('night'), shadow: 'user_required' })) +
      times(4, allow('/b', { ...system('night'), shadow: 'scope_missing' })) +
      times(8, allow('/b', system('night')))
    const next = loose.map(route => route.replace(', enforce: false', ''))
    expect(await counted(loose, next, log)).toEqual([
      'would be refused: 3 request(s): bad (2), night (1)',
      'would be refused: 4 request(s): night (4)',
      'log: 24 request(s)',
      'would be refused: 7 request(s): night (5), bad (2)',
    ])
  })
  test('gives bounds where scopes decide that the log does not hold', async () => {
    const log = times(3, allow('/a', user('c'))) + times(2, deny('/a', 'scope_missing', user('d')))
    expect(
      await counted(['GET /a: { scopes: [read] }'], ['GET /a: { scopes: [list] }'], log),
    ).toEqual([
      'would be refused: 0 to 3 request(s): c (0 to 3)',
      'would be allowed: 0 to 2 request(s): d (0 to 2)',
      'log: 5 request(s)',
      'would be refused: 0 to 3 request(s): c (0 to 3)',
      'would be allowed: 0 to 2 request(s): d (0 to 2)',
      'where there are two numbers, the log cannot tell: it holds no paths, and of a token no scopes',
    ])
  })
  test('gives bounds where the path decides, and none where all ways lead to the same', async () => {
    const old = ['GET /a/**: public', 'GET /b/**: public']
    const next = ['GET /a/x: public', 'GET /b/x: authenticated', 'GET /b/**: { scopes: [read] }']
    const log = times(5, allow('/a/**')) + times(3, allow('/b/**'))
    const lines = await counted(old, next, log)
    expect(lines).toContain('would be refused: 0 to 5 request(s): no token (0 to 5)')
    expect(lines.slice(-3)).toEqual([
      'log: 8 request(s)',
      'would be refused: 3 to 8 request(s): no token (3 to 8)',
      'where there are two numbers, the log cannot tell: it holds no paths, and of a token no scopes',
    ])
  })
  test('counts who would be let in', async () => {
    const old = [
      'GET /a: { scopes: [read], principal: user, clients: [c] }',
      'GET /b: { scopes: [read] }',
    ]
    const next = ['GET /a: { scopes: [read] }', 'GET /b: public']
    const log =
      times(2, deny('/a', 'user_required', system('night'))) +
      times(3, deny('/a', 'client_not_allowed', user('web'))) +
      times(4, deny('/a', 'scope_missing', user('web'))) +
      times(5, deny('/b', 'token_missing')) +
      times(6, deny('/b', 'scope_missing', user('web'))) +
      times(7, deny('/b', 'token_expired')) +
      times(8, deny('/b', 'body_too_large'))
    expect(await counted(old, next, log)).toEqual([
      'would be allowed: 5 request(s): web (3), night (2)',
      'would be allowed: 11 request(s): web (6), no token (5)',
      'log: 35 request(s)',
      'would be allowed: 16 request(s): web (9), no token (5), night (2)',
    ])
  })
  test('gives bounds where Feide, or the times of a token, decide', async () => {
    const log = times(2, allow('/a', user('c'))) + times(3, deny('/a', 'token_opaque'))
    const exchange = 'exchange: { clientId: c, clientSecret: s }'
    const route = ['GET /a: authenticated']
    const { out } = await said(policy(route, exchange), policy(route), { log })
    expect(out.find(one => one.includes('would be'))).toContain('refused: 0 to 2 request(s)')
    const { out: other } = await said(policy(route), policy(route, exchange), { log })
    expect(other.find(one => one.includes('would be'))).toContain('allowed: 0 to 3 request(s)')
    const shorter = policy(route).replace('https://a.no', 'https://a.no, maxLifetime: 1m')
    const { out: short } = await said(policy(route), shorter, { log })
    expect(short.slice(2)).toEqual([
      'log: 5 request(s)',
      '  would be refused: 0 to 2 request(s): c (0 to 2)',
      '  where there are two numbers, the log cannot tell: it holds no paths, and of a token no scopes',
      'differs old new: 1 difference(s) in access',
    ])
  })
  test('takes no scope for granted of who was refused for the client, where scopes are not enforced', async () => {
    const old = ['GET /a: { scopes: [read], clients: [d], enforce: false }']
    const log = times(2, deny('/a', 'client_not_allowed', user('c')))
    const [first] = await counted(old, ['GET /a: { scopes: [read] }'], log)
    expect(first).toBe('would be allowed: 0 to 2 request(s): c (0 to 2)')
    const [enforced] = await counted(
      ['GET /a: { scopes: [read], clients: [d] }'],
      ['GET /a: { scopes: [read] }'],
      log,
    )
    expect(enforced).toBe('would be allowed: 2 request(s): c (2)')
  })
  test('a request whose API was away had been let in', async () => {
    const log = times(2, deny('/a', 'upstream_timeout', user('c')))
    const [first] = await counted(
      ['GET /a: authenticated', 'GET /b: public'],
      ['GET /b: public'],
      log,
    )
    expect(first).toBe('would be refused: 2 request(s): c (2)')
  })
  test('does not gather a line that has no end', async () => {
    async function* endless() {
      for (let i = 0; i < 600; i++) yield 'x'.repeat(1024 * 1024)
      yield `\n${allow('/a')}`
    }
    const { tallies, others } = await readLog(endless())
    expect([tallies.length, others]).toEqual([1, 1])
  })
  test('passes over what is none of it, and says so', async () => {
    const old = ['GET /a: authenticated', 'GET /b: public']
    const next = ['GET /b: public', 'POST /c: public']
    const log = [
      'not json',
      '{"msg":"listening"}',
      '{"broken": "request"',
      '"request"',
      `{"msg":"request","method":5}`,
      `${'x'.repeat(200_000)}{"msg":"request"}`,
      `gateway-1  | 2026-01-01 ${allow('/a', user('c'))}\r`,
      allow('/gone', user('c')),
      line({ dataSource: undefined, method: 'POST', decision: 'deny', code: 'route_unknown' }),
      line({ dataSource: undefined, method: 'GET', decision: 'deny', code: 'route_unknown' }),
      allow('/a', {}, 'OPTIONS'),
      '',
    ].join('\n')
    expect(await counted(old, next, log)).toEqual([
      'would be refused: 1 request(s): c (1)',
      'log: 5 request(s)',
      'would be refused: 1 request(s): c (1)',
      '1 request(s) met no route, and some of them may meet one now: paths are not in the log',
      '1 request(s) are of routes that the old policy does not have',
      '1 preflight(s) are not counted: they need no token',
      '6 other line(s) were passed over',
    ])
  })
  test('reads the same however the log comes', async () => {
    const log = times(3, allow('/å', user('c'))) + times(2, `${'x'.repeat(70_000)}`) + allow('/b')
    const { tallies, others } = await readLog(inPieces(log, log.length))
    expect([tallies.map(({ route, count }) => [route, count]), others]).toEqual([
      [
        ['/å', 3],
        ['/b', 1],
      ],
      2,
    ])
    for (const size of [1, 7, 64, 65_537]) {
      expect(await readLog(inPieces(log, size))).toEqual({ tallies, others })
    }
  })
  test('has the same in JSON, for each change and client', async () => {
    const log = times(2, allow('/a', system('night'))) + allow('/a', user('web'))
    const [a, b] = [['GET /a: { scopes: [read] }'], ['GET /a: { scopes: [read], principal: user }']]
    const { out } = await said(policy(a), policy(b), { log, json: true })
    const route = { dataSource: 'grades', route: 'GET /a', line: 7, access: 'scopes' }
    const asks = { scopes: [['read']], clients: null, enforce: true, audiences: ['grades'] }
    const none = { least: 0, most: 0 }
    const two = { least: 2, most: 2 }
    const requests = {
      refused: two,
      allowed: none,
      clients: [{ clientId: 'night', refused: two, allowed: none }],
    }
    expect(JSON.parse(out.join('\n'))).toEqual({
      same: false,
      old: 'old',
      new: 'new',
      changes: [
        {
          change: 'stricter',
          hosts: ['*'],
          methods: ['GET', 'HEAD'],
          pattern: '/a',
          whole: true,
          example: '/a',
          parts: { principal: 'stricter' },
          old: { ...route, ...asks, principal: 'any' },
          new: { ...route, ...asks, principal: 'user' },
          requests,
        },
      ],
      settings: [],
      log: { requests: 3, others: 0, unmatched: 0, unrouted: 0, preflights: 0, ...requests },
    })
  })
})

test('routes that meet in more ways than can be gone through are told, not guessed', async () => {
  const one = (i: number) => Array.from({ length: 22 }, (_, j) => (i === j ? `l${i}` : `{p${j}}`))
  const routes = Array.from({ length: 22 }, (_, i) => `GET /${one(i).join('/')}: public`)
  const { status, out, err } = await said(policy(routes), policy(routes))
  expect({ status, out, err }).toEqual({
    status: 1,
    out: [],
    err: ['error: the routes of these policies meet in more ways than can be gone through'],
  })
})

describe('diff as a process', () => {
  const files = (...texts: string[]) => texts.map(text => policyFile(text).file)
  test('ends with 0 without a difference, and writes nothing on stderr', async () => {
    const [a = '', b = ''] = files(policy(['GET /a: public']), policy(['GET /a: public']))
    expect(await cli(['diff', a, b])).toEqual({
      code: 0,
      stdout: `same ${a} ${b}: 0 difference(s) in access\n`,
      stderr: '',
    })
  })
  test('tells the faults of both files like check, on stderr, and ends with 1', async () => {
    const [a = '', b = ''] = files(policy(['GET /a: nobody']), policy(['GET /a: public', 'FOO: 1']))
    const { code, stdout, stderr } = await cli(['diff', a, b])
    const places = stderr.split('\n').filter(line => /:\d+:\d+: /.test(line))
    expect({ code, stdout, places: places.map(line => line.split(': ')[0]) }).toEqual({
      code: 1,
      stdout: '',
      places: [`${a}:7:15`, `${b}:8:7`, `${b}:8:12`],
    })
  })
  test.for([[['one.yaml']], [['a', 'b', 'c']], [['a', 'b', '--what']]] as const)(
    '%j is wrong usage',
    async ([args]) => {
      const { code, stdout } = await cli(['diff', ...args])
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    },
  )
  test('says which log cannot be read', async () => {
    const [a = ''] = files(policy(['GET /a: public']))
    const log = join(a, '..', 'gone.log')
    const { code, stdout, stderr } = await cli(['diff', a, a, '--log', log])
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: `${log}: expected a log that can be read, got no such file\n`,
    })
  })
})
