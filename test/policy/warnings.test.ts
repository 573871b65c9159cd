import { describe, expect, test } from 'vitest'
import { parsed, printed, yaml } from './support.ts'

const AUDIENCE = 'https://n.feide.no/datasources/02d0f79b-7fbc-422b-bb31-a4d22121f040'

/** A policy that is beyond reproach, around its routes or other lines. */
const policy = (
  lines: string,
  upstream = 'http://legacy',
) => `issuer: { url: https://auth.dataporten.no }
dataSources:
  grades:
    audience: ${AUDIENCE}
    upstream: ${upstream}
${lines}`

const routes = (...lines: string[]) =>
  policy(`    routes:\n${lines.map(line => `      ${line}\n`).join('')}`)
const withUpstream = (text: string) => policy('    routes: { GET /a: public }\n', text)

const warned = (text: string): readonly string[] => {
  const result = parsed(text)
  if (!result.ok) throw new Error(result.faults.join('\n'))
  return result.warnings
}
/** All that `check` prints of a policy with warnings, its last line aside. */
const shown = (text: string) => printed(text).lines.slice(0, -1)

const WHERE = 'warning: dataSources.grades'

describe('a route that changes things, for a scope that elsewhere only reads', () => {
  test('is told, with a route that reads', () => {
    const text = routes('GET /courses: { scopes: [read] }', 'POST /courses: { scopes: [read] }')
    expect(shown(text)).toEqual([
      `policy.yaml:8:32: ${WHERE}.routes["POST /courses"].scopes: expected a scope that is meant for changes, as POST makes them, got read, which on other routes only reads`,
      '   8 |       POST /courses: { scopes: [read] }',
      '     |                                ^^^^^^',
      '   7 |       GET /courses: { scopes: [read] }',
      '     |       ------------ here it reads',
      '     = whoever may read may also POST here: ask for a scope of its own',
    ])
  })
  test.for([
    ['two scopes, both of which read', 'POST /a: { scopes: [read, list] }', 1],
    ['one of several alternatives', 'PUT /a: { scopes: { anyOf: [write, [read, list]] } }', 1],
    ['any method', 'ANY /a/**: { scopes: [read] }', 1],
    ['a scope of its own beside it', 'POST /a: { scopes: [read, append] }', 0],
    ['a scope that nothing else asks for', 'POST /a: { scopes: [append] }', 0],
    ['a search, which is a POST that reads', 'POST /courses/search: { scopes: [read] }', 0],
    ['a search of another name', 'POST /courses/_query: { scopes: [read] }', 0],
    ['a route that reads as well', 'HEAD /a: { scopes: [read] }', 0],
  ] as const)('%s', ([, route, count]) => {
    const text = routes('GET /b: { scopes: [read] }', 'GET /c: { scopes: [list] }', route)
    expect(warned(text)).toHaveLength(count)
  })
  test('is not told where the scope changes things on other routes too', () => {
    const all = ['GET /a', 'POST /a', 'PUT /a/{id}'].map(key => `${key}: { scopes: [all] }`)
    expect(warned(routes(...all))).toEqual([])
  })
})

describe('a public route in a part of the API that is closed', () => {
  test('is told, with the route around it', () => {
    const text = routes('ANY /admin/**: { scopes: [admin] }', 'GET /admin/health: public')
    expect(shown(text)).toEqual([
      `policy.yaml:8:7: ${WHERE}.routes["GET /admin/health"]: expected a route that asks for a token, as ANY /admin/** does around it, got public`,
      '   8 |       GET /admin/health: public',
      '     |       ^^^^^^^^^^^^^^^^^',
      '   7 |       ANY /admin/**: { scopes: [admin] }',
      '     |       ------------- what is closed around it',
      '     = the narrower route wins: here everybody is let in, without a token',
    ])
  })
  test.for([
    ['around it any token will do', 'GET /a/**: authenticated', 'GET /a/b: public', 1],
    ['around it with a name', 'GET /{x}/c/**: authenticated', 'GET /a/c/d: public', 1],
    ['a public part of it', 'GET /a/**: authenticated', 'GET /a/b/**: public', 1],
    ['all the rest of the API is closed', 'ANY /**: { scopes: [all] }', 'GET /health: public', 0],
    ['another method is closed', 'POST /a/**: { scopes: [all] }', 'GET /a/b: public', 0],
    ['another part is closed', 'GET /a/**: { scopes: [all] }', 'GET /ab/c: public', 0],
    ['what is around is public as well', 'GET /a/**: public', 'GET /a/b: public', 0],
  ] as const)('%s', ([, around, route, count]) => {
    expect(warned(routes(around, route))).toHaveLength(count)
  })
})

describe('a wildcard that takes the methods that a narrower route does not list', () => {
  test('is told, with the wildcard', () => {
    const text = routes('GET /x/**: public', 'POST /x/secret: { scopes: [admin] }')
    expect(shown(text)).toEqual([
      `policy.yaml:8:7: ${WHERE}.routes["POST /x/secret"]: expected every method of this path to be closed, got GET open: GET /x/** takes without a token what this route does not list`,
      '   8 |       POST /x/secret: { scopes: [admin] }',
      '     |       ^^^^^^^^^^^^^^',
      '   7 |       GET /x/**: public',
      '     |       --------- takes the rest',
      '     = add a route for GET /x/secret, or write ANY instead of POST',
    ])
  })
  const SECRET = 'GET /x/secret: { scopes: [admin] }'
  test('names every method that is open', () => {
    expect(warned(routes('ANY /x/**: authenticated', SECRET))).toEqual([
      `policy.yaml:8:7: ${WHERE}.routes["GET /x/secret"]: expected every method of this path to be closed, got POST, PUT, PATCH, DELETE open: ANY /x/** takes with any token what this route does not list`,
    ])
  })
  test.for([
    ['under a name', ['GET /{x}/**: public', 'PUT /a/b/c: authenticated'], 1],
    ['for all that is under a path', ['GET /x/**: public', 'PUT /x/a/**: authenticated'], 1],
    [
      'unless another route has the method',
      ['GET /x/**: public', 'POST /x/a: authenticated', 'GET /x/a: authenticated'],
      0,
    ],
    [
      'unless a narrower wildcard has it',
      ['GET /x/**: public', 'POST /x/a/b: authenticated', 'GET /x/a/**: authenticated'],
      0,
    ],
    ['unless the route lists every method', ['GET /x/**: public', 'ANY /x/a: authenticated'], 0],
    ['unless it is about the root of the part', ['GET /x/**: public', 'POST /x: authenticated'], 0],
    ['unless it is any of its entries', ['GET /x/**: public', 'PUT /x/{id}: authenticated'], 0],
    ['unless it is open itself', ['ANY /x/**: public', 'POST /x/a: public'], 0],
    ['unless any token may read', ['GET /x/**: authenticated', 'POST /x/a: { scopes: [a] }'], 0],
  ] as const)('%s', ([, lines, count]) => expect(warned(routes(...lines))).toHaveLength(count))
})

describe('a scope that one route alone asks for, a slip away from another', () => {
  test('is told, with the one that was meant', () => {
    const text = routes(
      'GET /a: { scopes: [append] }',
      'GET /b: { scopes: [append] }',
      'GET /c: { scopes: { anyOf: [admin, [apend, audit]] } }',
    )
    expect(shown(text)).toEqual([
      `policy.yaml:9:43: ${WHERE}.routes["GET /c"].scopes.anyOf[1][0]: expected a scope that other routes ask for too, or one that looks like none of them, got "apend"`,
      '   9 |       GET /c: { scopes: { anyOf: [admin, [apend, audit]] } }',
      '     |                                           ^^^^^',
      '   7 |       GET /a: { scopes: [append] }',
      '     |                          ------ asked for here',
      '     = did you mean `append`?',
    ])
  })
  const pair = (a: string, b: string) =>
    warned(routes(`GET /a: { scopes: [${a}] }`, `GET /b: { scopes: [${b}] }`))
  test.for([
    ['read', 'raed', 1],
    ['read', 'Read', 1],
    ['admin', 'admins', 1],
    ['read', 'write', 0],
    ['level1', 'level2', 0],
    ['get', 'set', 0],
    ['read', 'head', 0],
  ] as const)('%s beside %s, each once', ([a, b, count]) => expect(pair(a, b)).toHaveLength(count))
  test('is not told where both are asked for more than once', () => {
    const all = ['role', 'rolle', 'role', 'rolle'].map(
      (scope, i) => `GET /${i}: { scopes: [${scope}] }`,
    )
    expect(warned(routes(...all))).toEqual([])
  })
})

describe('an audience that is none of Feide', () => {
  const audience = (text: string, issuer = 'https://auth.dataporten.no') =>
    policy('    routes: { GET /a: public }\n')
      .replace(AUDIENCE, text)
      .replace('https://auth.dataporten.no', issuer)
  test('is told', () => {
    expect(shown(audience('grades'))).toEqual([
      `policy.yaml:4:15: ${WHERE}.audience: expected the audience of a data source of Feide, got "grades"`,
      '   4 |     audience: grades',
      '     |               ^^^^^^',
      "     = it looks like https://n.feide.no/datasources/<uuid>, in small letters, and stands in Feide's customer portal; tokens for anything else are refused",
    ])
  })
  test.for([
    ['in a list', `[${AUDIENCE}, grades]`, 1],
    ['in capital letters', AUDIENCE.toUpperCase(), 1],
    ['with a slash at its end', `${AUDIENCE}/`, 1],
    ['a name in the place of the id', 'https://n.feide.no/datasources/grades', 1],
    ['two of Feide', `[${AUDIENCE}, ${AUDIENCE.replace('0', '1')}]`, 0],
  ] as const)('%s', ([, text, count]) => expect(warned(audience(text))).toHaveLength(count))
  test('is not told of tokens from elsewhere', () => {
    expect(warned(audience('grades', 'https://issuer.example.no'))).toEqual([])
  })
})

describe('credentials that go over plain http to a public host', () => {
  const BASIC = 'credentials: { basic: { username: a, password: b } }'
  test('are told', () => {
    const text = withUpstream(`{ url: http://api.example.no/base, ${BASIC} }`)
    expect(shown(text)).toEqual([
      `policy.yaml:5:22: ${WHERE}.upstream.url: expected https:// where credentials go to a public host, got "http://api.example.no/base"`,
      '   5 |     upstream: { url: http://api.example.no/base, credentials: { basic: { username: …, password: … } } }',
      '     |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^',
      '     = whoever is on the way can read them, and the identity of every caller; http:// is for this machine and for networks of your own',
    ])
  })
  test.for([
    ...['http://93.184.216.34', 'http://[2001:db8::1]', 'http://172.32.0.1'],
    ...['http://local.example.no', 'http://api.internal.no'],
  ])('also to %s', url => {
    expect(warned(withUpstream(`{ url: "${url}", credentials: forward }`))).toHaveLength(1)
  })
  test.for([
    ...['http://127.0.0.1:3000', 'http://localhost', 'http://[::1]:80', 'http://10.1.2.3'],
    ...['http://172.16.0.1', 'http://192.168.1.1', 'http://[fd12::1]', 'http://legacy:3000'],
    ...['http://api.internal', 'http://printer.local', 'http://legacy.apis.svc.cluster.local'],
    ...['http://legacy.apis.svc', 'https://api.example.no'],
  ])('not to %s', url => {
    expect(warned(withUpstream(`{ url: "${url}", credentials: { bearer: x } }`))).toEqual([])
  })
  test('each place of several is looked at', () => {
    const urls = '[http://legacy, http://a.example.no, http://b.example.no]'
    expect(warned(withUpstream(`{ urls: ${urls}, ${BASIC} }`))).toHaveLength(2)
  })
  test('without credentials there is nothing to tell', () => {
    expect(warned(withUpstream('http://api.example.no'))).toEqual([])
    expect(warned(withUpstream('{ url: http://api.example.no }'))).toEqual([])
  })
})

describe('national identity numbers', () => {
  const headers = (text: string) => policy(`    headers: ${text}\n    routes: { GET /a: public }\n`)
  test('that are sent to the API are told', () => {
    expect(shown(headers('{ useridSec: [feide, nin] }'))).toEqual([
      `policy.yaml:6:35: ${WHERE}.headers.useridSec[1]: expected kinds of ids that the API cannot do without, got "nin"`,
      '   6 |     headers: { useridSec: [feide, nin] }',
      '     |                                   ^^^',
      '     = this sends the national identity number of each user along; some old APIs also take the whole header for one id, and fail on two',
    ])
  })
  test('are not told where no such header is sent', () => {
    expect(warned(headers('{ useridSec: [feide] }'))).toEqual([])
    expect(warned(headers('{ useridSec: [nin], profile: none }'))).toEqual([])
  })
})

test('warnings of the shape of a policy stand beside its errors', () => {
  const { lines } = printed(
    yaml`
      issuer: { url: https://auth.dataporten.no }
      dataSources:
        grades: { audience: grades, upstream: http://legacy, routes: { GET /a: public } }
      listen: nowhere
    `,
  )
  expect(lines.filter(line => line.startsWith('policy')).map(line => line.split(':')[3])).toEqual([
    ' warning',
    ' listen',
  ])
})

describe('enforce: false', () => {
  const HELP =
    '     = the log (`shadow`) and feide_gateway_shadowed_requests_total tell who that is; when nobody is left, take it away'
  test('is told of a data source', () => {
    expect(
      shown(policy('    enforce: false\n    routes: { GET /a: { scopes: [read] } }\n')),
    ).toEqual([
      `policy.yaml:6:14: ${WHERE}.enforce: expected true where the policy is to hold, got false, which lets who lacks the scopes of a route, or is not its principal, through`,
      '   6 |     enforce: false',
      '     |              ^^^^^',
      HELP,
    ])
  })
  test('is told of each route that says so', () => {
    const text = routes(
      'GET /a: { scopes: [read], enforce: false }',
      'GET /b: { scopes: [read], enforce: true }',
      'GET /c: { scopes: [list], principal: user, enforce: false }',
    )
    const told = (line: number, col: number, key: string) =>
      `policy.yaml:${line}:${col}: ${WHERE}.routes["${key}"].enforce: expected true where the policy is to hold, got false, which lets who lacks the scopes of ${key}, or is not its principal, through`
    expect(warned(text)).toEqual([told(7, 42, 'GET /a'), told(9, 59, 'GET /c')])
  })
  test('is a value that a variable may give', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a variable of the policy
    const text = routes('GET /a: { scopes: [read], enforce: "${ENFORCE:-false}" }')
    expect(warned(text)).toHaveLength(1)
  })
})
