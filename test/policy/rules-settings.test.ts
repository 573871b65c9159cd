import { describe, expect, test } from 'vitest'
import {
  ADDRESS,
  DURATION,
  grades,
  holds,
  issuer,
  ROUTES,
  type Rule,
  setting,
  URL,
  upstream,
} from './rules.ts'
import { faultsOf, policyOf, yaml } from './support.ts'

const SIZE = 'a size above zero such as 64KiB or 10MiB'
const HTTPS = 'https:// (or `issuer.allowHttp: true`)'

describe('what is missing is reported at the key that lacks it', () => {
  holds([
    [
      'the issuer',
      '«dataSources: { gr: { audience: a, upstream: http://b, routes: { GET /a: public } } }',
      'issuer: expected a map, got nothing',
    ],
    [
      'the data sources',
      '«issuer: { url: https://auth.dataporten.no }',
      'dataSources: expected a map, got nothing',
    ],
    [
      'the routes of a data source',
      yaml`
      issuer: { url: https://auth.dataporten.no }
      dataSources:
        «grades: { audience: grades, upstream: http://legacy }
    `,
      'dataSources.grades.routes: expected a map, got nothing',
    ],
    [
      'the upstream of a data source',
      yaml`
      issuer: { url: https://auth.dataporten.no }
      dataSources:
        «grades: { audience: grades, routes: { GET /a: public } }
    `,
      'dataSources.grades.upstream: expected a URL, or a map with `url`, got nothing',
    ],
  ])
})

describe('a value of another type is told which form it should have', () => {
  holds([
    ['an address', setting('listen: «8080\n'), `listen: expected ${ADDRESS}, got 8080`],
    [
      'a duration',
      setting('limits: { drain: «30 }\n'),
      `limits.drain: expected ${DURATION}, got 30`,
    ],
    [
      'a size',
      grades(`    maxBody: «10\n${ROUTES}`),
      'dataSources.grades.maxBody: expected a size such as 10MiB, or `none`, got 10',
    ],
    [
      'a host',
      grades(`    hosts: [«7]\n${ROUTES}`),
      'dataSources.grades.hosts[0]: expected a host name without port, such as grades.example.no, got 7',
    ],
    [
      'a scope',
      grades('    routes: { GET /a: { scopes: [«7] } }\n'),
      'dataSources.grades.routes["GET /a"].scopes[0]: expected a scope: visible ASCII without space, comma, quote and backslash, got 7',
    ],
    [
      'a URL that is not there',
      issuer('{ allowHttp: true }').replace('issuer:', '«issuer:'),
      `issuer.url: expected ${URL}, got nothing`,
    ],
    [
      'a password that is not there',
      upstream('{ url: http://legacy, credentials: { «basic: { username: a } } }'),
      'dataSources.grades.upstream.credentials.basic.password: expected a password, got nothing',
    ],
    [
      'text in quotes, where a number is wanted',
      setting('workers: «"3"\n'),
      'workers: expected a whole number above zero, or `auto`, got "3"',
    ],
    [
      'text in quotes, where a boolean is wanted',
      setting('log: { userid: «"true" }\n'),
      'log.userid: expected true or false, got "true"',
    ],
    [
      'text, where a map is wanted',
      issuer('«https://auth.dataporten.no'),
      'issuer: expected a map, got "https://auth.dataporten.no"',
    ],
    [
      'a list, where a map is wanted',
      yaml`
      issuer: { url: https://auth.dataporten.no }
      dataSources: «[]
    `,
      'dataSources: expected a map, got []',
    ],
  ])
})

describe('durations are above zero and have a unit', () => {
  const duration = (text: string): Rule => [
    text,
    setting(`keys: { refresh: «${text} }\n`),
    `keys.refresh: expected ${DURATION}, got ${JSON.stringify(text)}`,
  ]
  holds(
    ['0s', '0ms', '00h', '-5s', '5 s', '1.5s', '1d', '5S', 's', '5s5s', 'forever'].map(duration),
  )
})

describe('sizes are above zero and have a unit', () => {
  const size = (text: string): Rule => [
    text,
    grades(`    maxBody: «${text}\n${ROUTES}`),
    `dataSources.grades.maxBody: expected ${SIZE}, got ${JSON.stringify(text)}`,
  ]
  holds(['0B', '0MiB', '10MB', '10 MiB', '1.5MiB', '-1B', '10mib', 'None'].map(size))
})

describe('addresses', () => {
  holds([
    ['has a port', setting('listen: «127.0.0.1\n'), `listen: expected ${ADDRESS}, got "127.0.0.1"`],
    ['has a host', setting('listen: «":8080"\n'), `listen: expected ${ADDRESS}, got ":8080"`],
    [
      'has a port that exists',
      setting('listen: «127.0.0.1:65536\n'),
      'listen: expected a port of at most 65535, got "127.0.0.1:65536"',
    ],
    [
      'the admin port is another one',
      setting('listen: 127.0.0.1:80\nadmin: «127.0.0.1:80\n'),
      'admin: expected another address than `listen`, got "127.0.0.1:80"',
    ],
    [
      'the secret of the page is no short one, and is not shown',
      setting('admin: { secret: «fifteen-letters }\n'),
      'admin.secret: expected a secret of at least 16 visible ASCII characters, got a value that is not shown here',
    ],
    [
      'the admin port has an address of its own',
      setting('admin: { listen: «everywhere }\n'),
      'admin.listen: expected an address such as 127.0.0.1:8080, got "everywhere"',
    ],
    [
      'a trusted proxy is an address',
      setting('trustedProxies: [«proxy.example.no]\n'),
      'trustedProxies[0]: expected an IP address or range such as 10.0.0.0/8, got "proxy.example.no"',
    ],
    [
      'a range of IPv4 has at most 32 bits',
      setting('trustedProxies: [«10.0.0.0/33]\n'),
      'trustedProxies[0]: expected an IP address or range such as 10.0.0.0/8, got "10.0.0.0/33"',
    ],
    [
      'a range of IPv6 has at most 128 bits',
      setting('trustedProxies: [«"::1/129"]\n'),
      'trustedProxies[0]: expected an IP address or range such as 10.0.0.0/8, got "::1/129"',
    ],
    [
      'an IPv4 address has numbers up to 255',
      setting('trustedProxies: [«10.0.0.256]\n'),
      'trustedProxies[0]: expected an IP address or range such as 10.0.0.0/8, got "10.0.0.256"',
    ],
  ])
})

describe('http is for an issuer on this machine, unless allowHttp says otherwise', () => {
  holds([
    [
      'another machine',
      issuer('{ url: «http://auth.example.no }'),
      `issuer.url: expected ${HTTPS}, got "http://auth.example.no"`,
    ],
    [
      'a name that begins like a loopback address',
      issuer('{ url: «http://127.0.0.1.example.no }'),
      `issuer.url: expected ${HTTPS}, got "http://127.0.0.1.example.no"`,
    ],
    [
      'a name that begins like localhost',
      issuer('{ url: «http://localhost.example.no }'),
      `issuer.url: expected ${HTTPS}, got "http://localhost.example.no"`,
    ],
    [
      'the address that means any',
      issuer('{ url: «http://0.0.0.0 }'),
      `issuer.url: expected ${HTTPS}, got "http://0.0.0.0"`,
    ],
    [
      'the address of the keys',
      issuer('{ url: https://a.no, jwksUri: «http://a.no/jwks }'),
      `issuer.jwksUri: expected ${HTTPS}, got "http://a.no/jwks"`,
    ],
    [
      'no scheme',
      issuer('{ url: «auth.dataporten.no }'),
      `issuer.url: expected ${URL}, got "auth.dataporten.no"`,
    ],
    [
      'another scheme',
      issuer('{ url: «ftp://auth.dataporten.no }'),
      `issuer.url: expected ${URL}, got "ftp://auth.dataporten.no"`,
    ],
    [
      'a query',
      issuer('{ url: «https://auth.dataporten.no?a=b }'),
      `issuer.url: expected ${URL}, got "https://auth.dataporten.no?a=b"`,
    ],
  ])
  test.for([
    'http://localhost:8000',
    'http://127.0.0.1',
    'http://127.1.2.3:8000',
    'http://[::1]:8000',
    'https://auth.dataporten.no',
    'https://auth.dataporten.no/',
  ])('%s is accepted, byte for byte', url => {
    expect(policyOf(issuer(`{ url: "${url}" }`)).issuer.url).toBe(url)
  })
  test('allowHttp: true accepts http:// for any address', () => {
    const members = '{ url: http://a.no, jwksUri: http://b.no/jwks, allowHttp: true }'
    expect(faultsOf(issuer(members))).toEqual([])
  })
})

describe('algorithms', () => {
  const KNOWN = 'RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, Ed25519, EdDSA'
  const algorithm = (text: string): Rule => [
    `never ${text}`,
    issuer(`{ url: https://a.no, algorithms: [RS256, «${text}] }`),
    `issuer.algorithms[1]: expected one of ${KNOWN}, got ${JSON.stringify(text)}`,
  ]
  holds([
    ...['none', 'HS256', 'HS384', 'HS512', 'rs256'].map(algorithm),
    [
      'at least one',
      issuer('{ url: https://a.no, algorithms: «[] }'),
      'issuer.algorithms: expected at least one algorithm, got []',
    ],
  ])
})
