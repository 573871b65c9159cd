// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the policy file
import { describe, expect, test } from 'vitest'
import { grades, holds, ROUTES, type Rule, step, two, URL, upstream } from './rules.ts'
import { faultsOf, yaml } from './support.ts'

describe('data sources', () => {
  const id = (text: string): Rule => [
    `the id ${text.slice(0, 9)}`,
    yaml`
    issuer: { url: https://auth.dataporten.no }
    dataSources:
      ok: { audience: a, upstream: http://a, hosts: [a.no], routes: { GET /a: public } }
      «${text}: { audience: a, upstream: http://a, routes: { GET /a: public } }
  `,
    `dataSources${step(text)}: expected an id of 2 to 63 small letters, digits and hyphens, got ${JSON.stringify(text)}`,
  ]
  holds([
    ...['Grades', 'g', '1st', '-a', 'a_b', 'a.b', 'a'.repeat(64)].map(id),
    [
      'there is one',
      'issuer: { url: https://auth.dataporten.no }\ndataSources: «{}\n',
      'dataSources: expected at least one data source, got {}',
    ],
    [
      'each has a route',
      grades('    routes: «{}\n'),
      'dataSources.grades.routes: expected at least one route, got {}',
    ],
    [
      'an empty list of hosts is not any host',
      grades(`    hosts: «[]\n${ROUTES}`),
      'dataSources.grades.hosts: expected at least one host name, got []',
    ],
    [
      'a host has no port',
      grades(`    hosts: [«"a.no:80"]\n${ROUTES}`),
      'dataSources.grades.hosts[0]: expected a host name without port, such as grades.example.no, got "a.no:80"',
    ],
    [
      'a host is no URL',
      grades(`    hosts: [«https://a.no]\n${ROUTES}`),
      'dataSources.grades.hosts[0]: expected a host name without port, such as grades.example.no, got "https://a.no"',
    ],
    [
      'a host is no wildcard',
      grades(`    hosts: [«"*.a.no"]\n${ROUTES}`),
      'dataSources.grades.hosts[0]: expected a host name without port, such as grades.example.no, got "*.a.no"',
    ],
    [
      'an upstream has a URL',
      upstream('{ host: preserve }').replace('upstream:', '«upstream:'),
      'dataSources.grades.upstream.url: expected a URL, or `urls`, got nothing',
    ],
    [
      'an upstream has one URL or several',
      upstream('{ url: http://a, «urls: [http://b] }'),
      'dataSources.grades.upstream.urls: expected either `url` or `urls`, got both',
    ],
    [
      'a URL in short form is one',
      upstream('«legacy:3000'),
      `dataSources.grades.upstream: expected ${URL}, got "legacy:3000"`,
    ],
    [
      'a URL has a scheme',
      upstream('{ url: «legacy }'),
      `dataSources.grades.upstream.url: expected ${URL}, got "legacy"`,
    ],
    [
      'a URL has no query',
      upstream('{ urls: [http://a, «"http://b?c"] }'),
      `dataSources.grades.upstream.urls[1]: expected ${URL}, got "http://b?c"`,
    ],
    [
      'a header value is visible ASCII',
      grades(`    headers: { gatekeeper: «"a\\tb" }\n${ROUTES}`),
      'dataSources.grades.headers.gatekeeper: expected visible ASCII characters, got "a\\tb"',
    ],
  ])
})

describe('data sources of one host agree on `paths`', () => {
  const SAYS =
    'dataSources.exams.paths: expected the same `paths` as grades, which serves the same host, got other ones'
  holds([
    [
      'one allows what the other does not',
      two('routes: { GET /a: public }', '«paths: { allow: [;] }, routes: { GET /b: public }'),
      SAYS,
    ],
    [
      'the key is missing in one',
      two(
        'paths: { case: insensitive }, routes: { GET /a: public }',
        'routes: { GET /b: public }',
      ).replace('exams:', '«exams:'),
      SAYS,
    ],
    [
      'one host of several',
      two(
        'hosts: [a.no, b.no], routes: { GET /a: public }',
        'hosts: [b.no], «paths: { allow: [//] }, routes: { GET /b: public }',
      ),
      SAYS,
    ],
  ])
  test.for([
    [
      'on different hosts they need not',
      'hosts: [a.no], routes: { GET /a: public }',
      'paths: { allow: [;] }, routes: { GET /a: public }',
    ],
    [
      'the order of a list means nothing',
      'paths: { allow: [;, "%2F"] }, routes: { GET /a: public }',
      'paths: { allow: ["%2F", ;] }, routes: { GET /b: public }',
    ],
  ] as const)('%s', ([, first, second]) => {
    expect(faultsOf(two(first, second))).toEqual([])
  })
})

describe('injected names collide with nothing', () => {
  const inject = (profile: string, name: string, says: string): Rule => [
    `${name} in the profile ${profile}`,
    grades(`    headers: { profile: ${profile}, inject: { «${name}: { claim: sub } } }\n${ROUTES}`),
    `dataSources.grades.headers.inject${step(name)}: expected ${says}, got ${JSON.stringify(name)}`,
  ]
  const PROFILE = 'a name that the profile does not use'
  const RESERVED = 'a name that neither HTTP nor the gateway itself needs'
  const reserved = [
    'Host',
    'host',
    'Content-Length',
    'Content-Type',
    'content_encoding',
    'Connection',
    'Keep-Alive',
    'Proxy-Authorization',
    'Proxy-Authenticate',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'transfer_encoding',
    'Upgrade',
    'Authorization',
    'X-Request-Id',
    'X-Forwarded-For',
    'X-Gateway-Shadow',
    'x_gateway.shadow',
  ]
  holds([
    inject('dataporten', 'X-Dataporten-userid', PROFILE),
    inject('dataporten', 'x-dataporten-other', PROFILE),
    inject('dataporten', 'X_Dataporten.Userid', PROFILE),
    inject('feideconnect', 'X-FeideConnect-UserID', PROFILE),
    ...reserved.map(name => inject('none', name, RESERVED)),
    [
      'the same name in other letters',
      grades(`    headers: { inject: { X-Name: { claim: a }, «x-name: { claim: b } } }\n${ROUTES}`),
      'dataSources.grades.headers.inject.x-name: expected a name that differs from the others in more than its punctuation, got "x-name"',
    ],
    [
      'no name of a header',
      grades(`    headers: { inject: { «"X Name": { claim: a } } }\n${ROUTES}`),
      'dataSources.grades.headers.inject["X Name"]: expected the name of a header, got "X Name"',
    ],
  ])
  test.for([
    ['none', 'X-Dataporten-userid'],
    ['feideconnect', 'X-Dataporten-userid'],
    ['dataporten', 'X-User-Name'],
    ['dataporten', 'Cookie'],
  ] as const)('in the profile %s, %s is no fault', ([profile, name]) => {
    const headers = `    headers: { profile: ${profile}, inject: { ${name}: { claim: sub } } }\n`
    expect(faultsOf(grades(headers + ROUTES))).toEqual([])
  })
})
describe('keys are plain text', () => {
  const PLAIN = 'expected a key of plain text, without variables'
  holds([
    [
      'no variable in a route',
      grades('    routes: { GET /a: public, «"GET /${B}": public }\n'),
      `dataSources.grades.routes["GET /\${B}"]: ${PLAIN}, got GET /\${B}`,
    ],
    [
      'no __proto__ among routes',
      grades('    routes: { GET /a: public, «__proto__: public }\n'),
      `dataSources.grades.routes.__proto__: ${PLAIN}, got __proto__`,
    ],
    [
      'no __proto__ among data sources',
      two('routes: { GET /a: public }', 'hosts: [a.no], routes: { GET /a: public }').replace(
        'exams:',
        '«__proto__:',
      ),
      `dataSources.__proto__: ${PLAIN}, got __proto__`,
    ],
  ])
})
