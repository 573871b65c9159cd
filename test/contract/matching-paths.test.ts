import { describe, expect, test } from 'vitest'
import { refused, stage } from './stage.ts'

const on = stage(upstream => ({
  dataSources: {
    grades: {
      routes: {
        'GET /**': 'public',
        'GET /admin/**': { scopes: ['admin'] },
        'GET /open/{id}': 'public',
      },
    },
    based: {
      audience: 'https://n.feide.no/datasources/based',
      hosts: ['based.example.no'],
      upstream: { url: `${upstream.url}/base/v1` },
      routes: { 'GET /**': 'public' },
    },
    slashed: {
      audience: 'https://n.feide.no/datasources/slashed',
      hosts: ['slashed.example.no'],
      upstream: { url: `${upstream.url}/base/` },
      routes: { 'GET /**': 'public' },
    },
  },
}))

/** `%2e` and `%2E`. */
const bothCases = (text: string) => [...new Set([text.toLowerCase(), text.toUpperCase()])]

describe('a dot segment is refused', () => {
  const DOTS = ['.', '..', '%2e', '%2e%2e', '.%2e', '%2e.'].flatMap(bothCases)
  const PLACES: [string, (dots: string) => string][] = [
    ['alone', dots => `/${dots}`],
    ['at the start', dots => `/${dots}/admin`],
    ['in the middle', dots => `/open/${dots}/admin`],
    ['at the end', dots => `/open/a/${dots}`],
    ['before a slash at the end', dots => `/open/${dots}/`],
    ['before the query', dots => `/open/${dots}?a=b`],
  ]
  const rows = [...DOTS, '%2e%2E'].flatMap(dots =>
    PLACES.map(([place, path]) => [place, path(dots)] as const),
  )

  test.each(rows)('%s: %s', async (_, target) => {
    expect(await on.outcome({ target })).toEqual(refused(400, 'path_ambiguous'))
  })
})

describe('dots that make no dot segment are passed on', () => {
  test.each([
    ['/open/...', '/open/...'],
    ['/.well-known/a', '/.well-known/a'],
    ['/open/a.b', '/open/a.b'],
    ['/open/a..', '/open/a..'],
    ['/open/..a', '/open/..a'],
    ['/open/%2ea', '/open/.a'],
    ['/open/a%2E%2e', '/open/a..'],
    ['/open/%2e%2e%2e', '/open/...'],
  ])('%s', async (target, sent) => {
    expect(await on.outcome({ target })).toEqual({ status: 200, sent: [`GET ${sent}`] })
  })
})

describe('an empty segment is refused', () => {
  test.each([
    '//',
    '//open/a',
    '//evil.example.no/open',
    '/open//admin',
    '/open/a//',
    '///',
    '/open///a',
    '/open//?a',
  ])('%s', async target => {
    expect(await on.outcome({ target })).toEqual(refused(400, 'path_ambiguous'))
  })
})

describe('a character that two programs could read in two ways is refused', () => {
  const RAW = ['\\', ';', '"', '<', '>', '^', '`', '{', '|', '}', '#']
  const ENCODED = ['%5c', '%3b', '%2f']
  const CONTROLS = [...Array(32).keys(), 127].map(code => `%${code.toString(16).padStart(2, '0')}`)
  const TWICE = ['%252e', '%252f', '%255c', '%253b', '%2500']
  const THRICE = ['%25252e', '%25252f', '%25255c', '%25253b', '%252500', '%2525252f']
  /** The escape is itself written with escapes of unreserved characters. */
  const COMPOSED = ['%25%32%65', '%25%32%46', '%252%65', '%25%35c', '%25%30%30', '%25%33%42']
  const OVERLONG = [
    ...['%c0%ae', '%c0%af', '%c0%80', '%c0%bb', '%c1%9c'],
    ...['%e0%80%ae', '%e0%80%af', '%e0%81%9c', '%f0%80%80%ae', '%f0%80%80%af'],
    ...['%f8%80%80%80%ae', '%f8%80%80%80%af', '%fc%80%80%80%80%ae', '%fc%80%80%80%80%af'],
  ]
  const INVALID = ['%', '%4', '%zz', '%2', '%2x', '%x2', '%u002e', '%u2215', '%-1', '%%32%65']
  const constructs = [
    ...[...ENCODED, ...CONTROLS, ...TWICE, ...THRICE, ...OVERLONG].flatMap(bothCases),
    ...[...RAW, ...COMPOSED, ...INVALID],
  ]
  const rows = constructs.flatMap(construct => [
    `/${construct}`,
    `/${construct}open/a`,
    `/ab${construct}yz/a`,
    `/open/${construct}/a`,
    `/open/a${construct}`,
  ])

  test.each(rows)('%j', async target => {
    expect(await on.outcome({ target })).toEqual(refused(400, 'path_ambiguous'))
  })

  const CONTROL = ['\x00', '\x01', '\t', '\x0b', '\f', '\x1f', '\x7f']
  const HIGH = ['\x80', '\xa0', '\xc3\xb8', '\xe6', '\xff', '\xc0\xae', '\xc0\xaf']

  test.each([...CONTROL, ...HIGH])('raw %j', async character => {
    const target = `/open/a${character}b`
    expect(await on.outcome({ target })).toEqual(refused(400, 'path_ambiguous'))
  })

  test('a raw space, which ends the target', async () => {
    const expected = refused(400, 'request_malformed')
    expect(await on.outcome({ target: '/open/a b' })).toEqual(expected)
  })
})

describe('the ways around a guarded route that were seen elsewhere', () => {
  test.each([
    '/open/%2e%2e/admin',
    '/open\\..\\admin',
    '/\\open/admin',
    '/\\[',
    '/open/..%2fadmin',
    '/open/..;/admin',
    '/open/..%5cadmin',
    '/open/..%c0%afadmin',
    '/open/..%252fadmin',
    '/open/%252e%252e/admin',
    '/open/.%00./admin',
    '/open#/../admin',
    '/admin;a=b/x',
    '/admin%3bx',
    '/admin%00',
    '/admin%2f',
    '/admin%23/..',
    '//admin',
    '/./admin',
    '/open/%5c../admin',
    '/%2fadmin',
    '/open/..\t/admin',
    '/open%0d%0aX-Dataporten-Userid:%20forged',
  ])('%j', async target => {
    const { answer, seen } = await on.exchange({ target })
    expect({ status: answer.status, seen }).toEqual({ status: 400, seen: [] })
  })

  test.each(['/%61dmin', '/%61%64%6d%69%6e/', '/admi%6E/a', '/admin?x', '/admin/?'])(
    '%s is read as the guarded route',
    async target => {
      expect(await on.outcome({ target })).toEqual(refused(401, 'token_missing'))
    },
  )
})

describe('the bytes that were matched are the bytes that are sent on', () => {
  test.each([
    ['unreserved escapes are decoded', '/%41%7a%30', '/Az0'],
    ['all unreserved marks too', '/a%2Db%5fc%7Ed%2ee', '/a-b_c~d.e'],
    ['hex digits are upper-cased', '/a%c3%b8%e2%82%ac', '/a%C3%B8%E2%82%AC'],
    ['encoded reserved characters stay encoded', '/a%3A%40%26%3f%23', '/a%3A%40%26%3F%23'],
    ['raw reserved characters stay raw', "/a:@&=+$,!'()*", "/a:@&=+$,!'()*"],
    ['an encoded space stays', '/a%20b', '/a%20b'],
    ['an encoded percent stays', '/100%25', '/100%25'],
    ['an encoded percent before digits stays', '/a%2541', '/a%2541'],
    ['an encoded quote stays', '/a%22%27%3C', '/a%22%27%3C'],
    ['encoded braces stay', '/%7bid%7d', '/%7Bid%7D'],
    ['a trailing slash stays', '/a/b/', '/a/b/'],
    ['the root stays', '/', '/'],
    ['a colon in the first segment stays', '/a:b', '/a:b'],
    ['a rest that looks like a URL stays', '/a/http:/x', '/a/http:/x'],
  ])('%s: %s', async (_, target, sent) => {
    expect(await on.outcome({ target })).toEqual({ status: 200, sent: [`GET ${sent}`] })
  })

  test.each([
    ['based.example.no', '/', '/base/v1/'],
    ['based.example.no', '/a/%62/', '/base/v1/a/b/'],
    ['based.example.no', '/?a', '/base/v1/?a'],
    ['slashed.example.no', '/', '/base/'],
    ['slashed.example.no', '/a', '/base/a'],
  ])('the path of the upstream url is put before it: %s%s', async (host, target, sent) => {
    expect(await on.outcome({ host, target })).toEqual({ status: 200, sent: [`GET ${sent}`] })
  })

  test.each(['/..', '/../..', '/%2e%2e/x', '//x', '/..;/x'])(
    'nothing leaves the path of the upstream url: %s',
    async target => {
      const parts = { host: 'based.example.no', target }
      expect(await on.outcome(parts)).toEqual(refused(400, 'path_ambiguous'))
    },
  )
})

describe('a target that is not in origin form is refused', () => {
  test.each([
    ['GET', 'http://gateway.test/open/a'],
    ['GET', 'http://based.example.no/open/a'],
    ['GET', 'https://gateway.test/open/a'],
    ['GET', 'HTTP://gateway.test/'],
    ['GET', 'http://gateway.test'],
    ['GET', 'http://user:pw@gateway.test/open/a'],
    ['GET', '*'],
    ['OPTIONS', '*'],
    ['OPTIONS', 'http://gateway.test/open/a'],
  ])('%s %s', async (method, target) => {
    expect(await on.outcome({ method, target })).toEqual(refused(400, 'path_ambiguous'))
  })

  test.each(['open/a', 'gateway.test:80', '?a=b', '', 'file:///etc/passwd', 'javascript:x'])(
    'GET %j, by whichever part sees it first',
    async target => {
      const { answer, seen } = await on.exchange({ target })
      expect({ status: answer.status, seen }).toEqual({ status: 400, seen: [] })
    },
  )
})
