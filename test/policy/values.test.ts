import { describe, expect, test } from 'vitest'
import { around, policyOf, yaml } from './support.ts'

const REST = '    upstream: http://legacy:3000\n    routes: { GET /a: public }\n'

describe('what a policy leaves out has the value of the contract', () => {
  const { dataSources, limits, issuer, keys, ...policy } = policyOf(around(REST))
  test('of the gateway itself', () => {
    const { listen, admin, workers, log, redis } = policy
    expect({ listen, admin, workers, log, redis }).toEqual({
      listen: { host: '127.0.0.1', port: 8080 },
      admin: { host: '127.0.0.1', port: 9090 },
      workers: 1,
      log: { level: 'info', format: 'json', userid: false, sample: 1 },
      redis: undefined,
    })
  })
  test('of the limits, in milliseconds', () => {
    expect(limits).toEqual({
      headerTimeout: 10_000,
      requestTimeout: 3_600_000,
      bodyIdle: 30_000,
      keepAlive: 65_000,
      headerCount: 100,
      headerSize: 32 * 1024,
      connections: 10_000,
      connectionRequests: 10_000,
      tokens: 100_000,
      drain: 30_000,
    })
  })
  test('of the issuer and its keys, in milliseconds', () => {
    expect({ issuer, keys }).toEqual({
      issuer: {
        url: 'https://auth.dataporten.no',
        allowHttp: false,
        algorithms: ['RS256'],
        clockTolerance: 5_000,
        maxLifetime: 600_000,
      },
      keys: { refresh: 600_000, staleFor: 86_400_000, unknownKidCooldown: 30_000 },
    })
  })
  test('of a data source', () => {
    const [{ headers, ...grades } = expect.fail('no data source')] = dataSources
    const { passes: _, ...told } = headers
    expect(grades).toEqual({
      id: 'grades',
      audiences: ['https://n.feide.no/datasources/02d0f79b-7fbc-422b-bb31-a4d22121f040'],
      hosts: [],
      upstream: {
        origins: [{ origin: 'http://legacy:3000', host: 'legacy:3000', basePath: '' }],
        credentials: { kind: 'none' },
        host: 'upstream',
        connectTimeout: 5_000,
        timeout: 30_000,
        idleTimeout: 120_000,
        maxConnections: 10_000,
        maxPending: 1_000,
        health: undefined,
        tls: {},
      },
      paths: {
        encodedSlash: false,
        semicolon: false,
        emptySegments: false,
        caseInsensitive: false,
      },
      maxBody: 10 * 1024 * 1024,
      closeAtExpiry: { webSockets: true, answers: false },
    })
    expect(told).toEqual({
      profile: {
        gatekeeper: 'X-Dataporten-gatekeeper',
        clientid: 'X-Dataporten-clientid',
        userid: 'X-Dataporten-userid',
        'userid-sec': 'X-Dataporten-userid-sec',
        scopes: 'X-Dataporten-scopes',
        token: 'X-Dataporten-token',
      },
      apiToken: undefined,
      gatekeeper: 'grades',
      userid: true,
      useridSec: new Set(['feide']),
      renameScopes: new Map(),
      dropScopes: new Set(),
      inject: [],
    })
  })
  test('of an upstream in long form, the same as in short form', () => {
    const long = around(REST.replace('http://legacy:3000', '{ url: http://legacy:3000 }'))
    expect(policyOf(long).dataSources[0]?.upstream).toEqual(dataSources[0]?.upstream)
  })
})

describe('durations', () => {
  test.for([
    ['250ms', 250],
    ['5s', 5_000],
    ['10m', 600_000],
    ['24h', 86_400_000],
    ['005s', 5_000],
  ] as const)('%s', ([text, milliseconds]) => {
    expect(policyOf(around(REST, `keys: { refresh: ${text} }\n`)).keys.refresh).toBe(milliseconds)
  })
})

describe('sizes', () => {
  test.for([
    ['1B', 1],
    ['64KiB', 65_536],
    ['10MiB', 10_485_760],
    ['2GiB', 2_147_483_648],
    ['none', Number.POSITIVE_INFINITY],
  ] as const)('%s', ([text, bytes]) => {
    const { dataSources } = policyOf(around(`    maxBody: ${text}\n${REST}`))
    expect(dataSources[0]?.maxBody).toBe(bytes)
  })
})

describe('addresses', () => {
  test.for([
    ['0.0.0.0:8080', { host: '0.0.0.0', port: 8080 }],
    ['localhost:80', { host: 'localhost', port: 80 }],
    ['"[::1]:8080"', { host: '::1', port: 8080 }],
    ['"[::]:0"', { host: '::', port: 0 }],
  ] as const)('%s', ([text, address]) => {
    expect(policyOf(around(REST, `listen: ${text}\n`)).listen).toEqual(address)
  })
  test('admin: off listens nowhere', () => {
    expect(policyOf(around(REST, 'admin: off\n')).admin).toBe('off')
  })
  test.for([
    ['0.0.0.0:9090', { host: '0.0.0.0', port: 9090 }],
    ['{ listen: "0.0.0.0:9090" }', { host: '0.0.0.0', port: 9090 }],
    [
      '{ listen: "[::]:9", secret: sixteen-letters! }',
      { host: '::', port: 9, secret: 'sixteen-letters!' },
    ],
    ['{ secret: sixteen-letters! }', { host: '127.0.0.1', port: 9090, secret: 'sixteen-letters!' }],
  ] as const)('admin: %s', ([text, admin]) => {
    expect(policyOf(around(REST, `admin: ${text}\n`)).admin).toEqual(admin)
  })
})

describe('upstreams', () => {
  const upstreamOf = (text: string) =>
    policyOf(around(REST.replace('http://legacy:3000', text))).dataSources[0]?.upstream
  test.for([
    ['https://api.example.no', 'https://api.example.no', 'api.example.no', ''],
    ['http://legacy:3000/', 'http://legacy:3000', 'legacy:3000', ''],
    ['http://legacy:3000/base/', 'http://legacy:3000', 'legacy:3000', '/base'],
    ['http://legacy/a%2Fb/~c', 'http://legacy', 'legacy', '/a%2Fb/~c'],
    ['"http://[::1]:3000/x"', 'http://[::1]:3000', '[::1]:3000', '/x'],
  ] as const)('%s', ([text, origin, host, basePath]) => {
    expect(upstreamOf(text)?.origins).toEqual([{ origin, host, basePath }])
  })
  test('several', () => {
    const upstream = upstreamOf('{ urls: [http://a/x, http://b/y] }')
    expect(upstream?.origins.map(({ origin, basePath }) => origin + basePath)).toEqual([
      'http://a/x',
      'http://b/y',
    ])
  })
  test.for([
    ['none', { kind: 'none' }],
    ['forward', { kind: 'forward' }],
    ['{ bearer: abc }', { kind: 'static', authorization: 'Bearer abc' }],
    [
      '{ basic: { username: æ, password: "å:ø" } }',
      { kind: 'static', authorization: `Basic ${Buffer.from('æ:å:ø').toString('base64')}` },
    ],
  ] as const)('credentials %s', ([text, credentials]) => {
    expect(upstreamOf(`{ url: http://a, credentials: ${text} }`)?.credentials).toEqual(credentials)
  })
})

test('routes keep their key, their line and what they ask for', () => {
  const text = yaml`
    issuer: { url: https://auth.dataporten.no }
    dataSources:
      grades:
        audience: [a, b]
        hosts: [Grades.Example.NO., grades]
        upstream: http://legacy
        routes:
          GET /all: { scopes: [read, list] }
          GET /one: { scopes: { anyOf: [read, [audit, list]] } }
          POST,PUT /user: { scopes: [read], principal: user, clients: [c, d] }
          ANY /me: authenticated

          GET /health: public
  `
  const { routes, dataSources } = policyOf(text)
  expect(dataSources[0]).toMatchObject({
    audiences: ['a', 'b'],
    hosts: ['grades.example.no', 'grades'],
  })
  const any = { principal: 'any', clients: undefined, enforce: true }
  expect(routes.map(({ dataSource, ...route }) => ({ id: dataSource.id, ...route }))).toEqual([
    {
      id: 'grades',
      key: 'GET /all',
      line: 8,
      methods: ['GET'],
      pattern: '/all',
      access: { kind: 'scopes', anyOf: [['read', 'list']] },
      ...any,
    },
    {
      id: 'grades',
      key: 'GET /one',
      line: 9,
      methods: ['GET'],
      pattern: '/one',
      access: { kind: 'scopes', anyOf: [['read'], ['audit', 'list']] },
      ...any,
    },
    {
      id: 'grades',
      key: 'POST,PUT /user',
      line: 10,
      methods: ['POST', 'PUT'],
      pattern: '/user',
      access: { kind: 'scopes', anyOf: [['read']] },
      principal: 'user',
      enforce: true,
      clients: new Set(['c', 'd']),
    },
    {
      id: 'grades',
      key: 'ANY /me',
      line: 11,
      methods: ['ANY'],
      pattern: '/me',
      access: { kind: 'authenticated' },
      ...any,
    },
    {
      id: 'grades',
      key: 'GET /health',
      line: 13,
      methods: ['GET'],
      pattern: '/health',
      access: { kind: 'public' },
      ...any,
    },
  ])
})
