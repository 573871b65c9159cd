import { describe, expect, test } from 'vitest'
import { grades, holds, type Rule, step, two } from './rules.ts'
import { faultsOf } from './support.ts'

const ROUTE_KEY = 'METHOD[,METHOD] PATTERN such as GET /courses/{id}'

describe('routes that can never match are faults', () => {
  const never = (key: string, says: string): Rule => [
    key,
    grades(`    routes:\n      «${JSON.stringify(key)}: public\n`),
    `dataSources.grades.routes${step(key)}: expected ${says}`,
  ]
  const path = (pattern: string, what: string) =>
    never(`GET ${pattern}`, `a pattern that a path can match, got ${pattern}, which holds ${what}`)
  const form = (pattern: string, canonical: string) =>
    never(`GET ${pattern}`, `the canonical form (${canonical}), got ${pattern}`)
  holds([
    path('/a//b', 'an empty segment'),
    path('//a', 'an empty first segment'),
    path('/a/./b', 'a dot segment'),
    path('/a/..', 'a dot segment'),
    path('/%2e%2E/a', 'a dot segment'),
    path('/a;b', 'a semicolon'),
    path('/a%3Bb', 'a semicolon'),
    path('/a%2Fb', 'an encoded slash'),
    path('/a%2fb', 'an encoded slash'),
    path('/a\\b', 'a backslash'),
    path('/a%5cb', 'a backslash'),
    path('/%00', 'an encoded control character'),
    path('/%252e', 'a character that is encoded twice'),
    path('/å', 'a control character or a byte above 0x7E'),
    path('/a|b', 'a character that no URI may hold'),
    path('/100%', 'an invalid percent-encoding'),
    form('/%41', '/A'),
    form('/%c3%a5', '/%C3%A5'),
    form('/%7Eanna', '/~anna'),
    never('GET /a?b=c', 'a path alone (the query never takes part in matching), got /a?b=c'),
    never('GET /a#b', 'a path alone (the query never takes part in matching), got /a#b'),
    never('GET a', 'a pattern that begins with /, got a'),
    never('GET /a/**/b', '{name} for one segment, or ** as the last one, got **'),
    never('GET /a/**/', '{name} for one segment, or ** as the last one, got **'),
    never('GET /a/*', '{name} for one segment, or ** as the last one, got *'),
    never('GET /a*', '{name} for one segment, or ** as the last one, got a*'),
    never('GET /a**', '{name} for one segment, or ** as the last one, got a**'),
    never('GET /{id}.json', '{name} as a whole segment, got {id}.json'),
    never('GET /{}', '{name} as a whole segment, got {}'),
    never('GET /{id', '{name} as a whole segment, got {id'),
    never('get /a', 'an HTTP method in capitals, or ANY, got get'),
    never('FETCH /a', 'an HTTP method in capitals, or ANY, got FETCH'),
    never('GET,,PUT /a', 'an HTTP method in capitals, or ANY, got ""'),
    never('GET,GET /a', 'each method once, got GET'),
    never('TRACE /a', 'a method that can match (TRACE and CONNECT are refused), got TRACE'),
    never('CONNECT /a', 'a method that can match (TRACE and CONNECT are refused), got CONNECT'),
    never('GET, PUT /a', `${ROUTE_KEY}, got GET, PUT /a`),
    never('/a', `${ROUTE_KEY}, got /a`),
    never('GET /a b', `${ROUTE_KEY}, got GET /a b`),
    never(
      'GET /.well-known/oauth-protected-resource',
      'a path that the gateway does not answer itself, got /.well-known/oauth-protected-resource',
    ),
    never(
      'GET,HEAD /.well-known/oauth-protected-resource',
      'a path that the gateway does not answer itself, got /.well-known/oauth-protected-resource',
    ),
  ])

  test('what `paths.allow` lets through can be in a pattern', () => {
    const paths = '    paths: { allow: ["%2F", ;, //] }\n'
    const routes = '    routes: { GET /a%2Fb: public, GET /a;b: public, GET /a//b: public }\n'
    expect(faultsOf(grades(paths + routes))).toEqual([])
  })
})

describe('routes of one shape', () => {
  const same = (first: string, second: string, method: string): Rule => [
    `${first} beside ${second}`,
    two(`routes: { "${first}": public }`, `routes: { «"${second}": public }`),
    `dataSources.exams.routes["${second}"]: expected a shape that no other route of the host has for ${method}, got that of grades "${first}"`,
  ]
  holds([
    same('GET /a', 'GET /a', 'GET'),
    same('GET /{a}', 'GET /{b}', 'GET'),
    same('GET /{a}/**', 'GET /{b}/**', 'GET'),
    same('ANY /a', 'ANY /a', 'ANY'),
    same('PUT /a', 'POST,PUT /a', 'PUT'),
    same('HEAD /a', 'HEAD /a', 'HEAD'),
  ])

  const apart = (name: string, first: string, second: string) => [name, first, second] as const
  test.for([
    apart('a named method beside ANY', 'routes: { ANY /a: public }', 'routes: { GET /a: public }'),
    apart('GET beside HEAD', 'routes: { GET /a: public }', 'routes: { HEAD /a: public }'),
    apart('a trailing slash', 'routes: { GET /a: public }', 'routes: { GET /a/: public }'),
    apart(
      'a literal beside a name',
      'routes: { GET /a: public }',
      'routes: { "GET /{a}": public }',
    ),
    apart(
      'a name beside the rest',
      'routes: { "GET /{a}": public }',
      'routes: { GET /**: public }',
    ),
    apart(
      'the rest beside its root',
      'routes: { GET /a: public }',
      'routes: { GET /a/**: public }',
    ),
    apart('letters of another case', 'routes: { GET /a: public }', 'routes: { GET /A: public }'),
    apart(
      'another host',
      'hosts: [a.no], routes: { GET /a: public }',
      'hosts: [b.no], routes: { GET /a: public }',
    ),
    apart(
      'a host beside any host',
      'hosts: [a.no], routes: { GET /a: public }',
      'routes: { GET /a: public }',
    ),
  ])('%s is no fault', ([, first, second]) => {
    expect(faultsOf(two(first, second))).toEqual([])
  })

  holds([
    [
      'letters of another case, where case does not count',
      grades('    paths: { case: insensitive }\n    routes: { GET /a: public, «GET /A: public }\n'),
      'dataSources.grades.routes["GET /A"]: expected a shape that no other route of the host has for GET, got that of grades "GET /a"',
    ],
    [
      'one host of several',
      two(
        'hosts: [a.no, b.no], routes: { GET /a: public }',
        'hosts: [c.no, B.no.], routes: { «GET /a: public }',
      ),
      'dataSources.exams.routes["GET /a"]: expected a shape that no other route of the host has for GET, got that of grades "GET /a"',
    ],
    [
      'two hosts in common are one fault',
      two(
        'hosts: [a.no, b.no], routes: { GET /a: public }',
        'hosts: [a.no, b.no], routes: { «GET /a: public }',
      ),
      'dataSources.exams.routes["GET /a"]: expected a shape that no other route of the host has for GET, got that of grades "GET /a"',
    ],
  ])
})
