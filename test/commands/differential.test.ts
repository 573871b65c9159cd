import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { explain } from '../../gateway/commands/explain.ts'
import { CLAIM } from '../support/issuer.ts'
import type { HeaderList, RequestParts } from '../support/raw.ts'
import { headerValues } from '../support/wire.ts'
import { startWorld, type World } from '../support/world.ts'
import { onTerminal } from './support.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({
    dataSources: {
      grades: {
        upstream: { credentials: { basic: { username: 'a', password: 'b' } } },
        headers: {
          scopes: { rename: { read: 'readall' }, drop: ['append'] },
          inject: {
            'X-User-Name': { claim: 'name', encoding: 'percent' },
            'X-Groups': { claim: 'groups' },
          },
          useridSec: ['feide', 'nin'],
          allow: ['api_key'],
          strip: ['X-Remote-User'],
        },
        routes: {
          'GET /courses': { scopes: ['read'] },
          'POST,PUT /courses/{id}': { scopes: ['append'], principal: 'user' },
          'ANY /admin/**': { scopes: ['admin'] },
          'GET /me': 'authenticated',
          'GET /health': 'public',
        },
      },
      exams: {
        audience: 'exams',
        hosts: ['exams.test'],
        upstream: { url: 'http://127.0.0.1:1', host: 'legacy.example.no' },
        headers: { profile: 'feideconnect', gatekeeper: 'old', userid: false },
        paths: { allow: ['%2F', ';', '//'], case: 'insensitive' },
        routes: { 'ANY /**': 'authenticated', 'OPTIONS /own': 'public' },
      },
    },
  })
  const { url } = world.upstream
  const text = readFileSync(world.gateway.policyFile, 'utf8')
  world.gateway.writePolicy(text.replace('http://127.0.0.1:1', `${url}/base/`))
  world.gateway.signal('SIGHUP')
  await world.gateway.waitForLog(({ msg }) => msg === 'policy reloaded')
})
afterAll(() => world.stop())

/** Their values are those of one request alone, or secret. */
const OWN = ['x-request-id', 'x-forwarded-for', 'authorization']
/** Of the connection to the upstream, which `explain` does not open. */
const HOP = ['connection', 'transfer-encoding']
/** These say where a request ends; the others keep their place among themselves. */
const FRAMING = ['host', 'content-length']

function compared(list: HeaderList) {
  const headers = list
    .map(([name, value]): [string, string] => [
      name,
      OWN.includes(name.toLowerCase()) ? '…' : value,
    ])
    .filter(([name]) => !HOP.includes(name.toLowerCase()))
  const framing = headers.map(([name, value]) => [name.toLowerCase(), value] as const)
  return {
    framing: framing.filter(([name]) => FRAMING.includes(name)),
    headers: headers.filter(([name]) => !FRAMING.includes(name.toLowerCase())),
  }
}

async function happened(parts: RequestParts) {
  world.upstream.reset()
  const answer = await world.ask(parts)
  const [seen] = world.upstream.requests
  const [type = ''] = headerValues(answer.headers, 'content-type')
  const code = type.startsWith('application/problem') ? JSON.parse(answer.body).code : null
  return {
    code,
    status: code === null ? null : answer.status,
    upstream: seen
      ? {
          method: seen.method,
          url: world.upstream.url + seen.target,
          ...compared(seen.headers),
        }
      : null,
  }
}

async function explained(parts: RequestParts) {
  const { method = 'GET', target = '/', host = 'gateway.test', token, headers = [] } = parts
  const header = (headers as HeaderList).map(([name, value]) => `${name}: ${value}`)
  const options = { header, json: true, showSecrets: false, ...(token && { token }) }
  const { out } = await onTerminal(on =>
    explain(world.gateway.policyFile, method, `http://${host}${target}`, options, on),
  )
  const { code, status, upstream } = JSON.parse(out.join('\n'))
  return {
    code,
    status,
    upstream: upstream && { ...upstream, ...compared(upstream.headers) },
  }
}

type Make = () => RequestParts
const user = (overrides = {}) => world.issuer.token(overrides)

const ALLOWED: readonly (readonly [string, Make])[] = [
  ['a user', () => ({ target: '/courses', token: user() })],
  ['a system', () => ({ target: '/courses', token: world.issuer.systemToken() })],
  ['a query', () => ({ target: '/courses?a=%2e%2e/../b&c=d?e', token: user() })],
  ['an encoded letter', () => ({ target: '/%63ourses', token: user() })],
  ['HEAD', () => ({ method: 'HEAD', target: '/courses', token: user() })],
  ['any method', () => ({ method: 'DELETE', target: '/admin', token: user({ scope: 'admin' }) })],
  ['no scopes', () => ({ target: '/me', token: user({ scope: undefined }) })],
  ['scopes that are dropped', () => ({ target: '/me', token: user({ scope: 'append' }) })],
  ['many scopes', () => ({ target: '/me', token: user({ scope: 'z read a b a' }) })],
  [
    'claims of every kind',
    () => ({
      target: '/me',
      token: user({
        name: 'Kåre Ås, "jr"\n',
        groups: ['a', 7, true],
        [`${CLAIM}nin`]: '01010112345',
        [`${CLAIM}userid_sec`]: 'feide:z@a.no, nin:1,other:2',
      }),
    }),
  ],
  ['no claims', () => ({ target: '/me', token: user({ name: null, groups: [] }) })],
  ['a public route', () => ({ target: '/health' })],
  ['a public route with a token', () => ({ target: '/health', token: user() })],
  [
    'headers that pass and headers that do not',
    () => ({
      target: '/health',
      headers: [
        ['Accept', '*/*'],
        ['X-Dataporten-userid', 'evil'],
        ['x_dataporten_userid', 'evil'],
        ['X-Remote-User', 'evil'],
        ['x-groups', 'evil'],
        ['api_key', '1'],
        ['other_key', '1'],
        ['Cookie', 'a=b'],
        ['Cookie', 'c=d'],
        ['X-Empty', ''],
        ['Connection', 'X-Hop, Accept-Language'],
        ['X-Hop', '1'],
        ['Accept-Language', 'nn'],
        ['Forwarded', 'for=1.2.3.4'],
        ['X-Real-IP', '1.2.3.4'],
        ['X-HTTP-Method-Override', 'DELETE'],
        ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
        ['X-Request-Id', 'mine'],
      ],
    }),
  ],
  [
    'a preflight',
    () => ({
      method: 'OPTIONS',
      target: '/courses',
      headers: [
        ['Origin', 'https://a.no'],
        ['Access-Control-Request-Method', 'GET'],
      ],
    }),
  ],
  [
    'a body',
    () => ({
      method: 'PUT',
      target: '/courses/7',
      headers: [
        ['Content-Type', 'text/plain'],
        ['Content-Length', '5'],
      ],
      body: 'hello',
      token: user(),
    }),
  ],
  [
    'another data source, with a base path and a host of its own',
    () => ({ host: 'EXAMS.test:80', target: '/A%2fb;c//d', token: user({ aud: 'exams' }) }),
  ],
]

const DENIED: readonly (readonly [string, Make])[] = [
  ['no token', () => ({ target: '/courses' })],
  ['a token of the past', () => ({ target: '/courses', token: user({ iat: 1, nbf: 1, exp: 2 }) })],
  ['a token for another', () => ({ target: '/courses', token: user({ aud: 'exams' }) })],
  [
    'a token that is changed',
    () => ({ target: '/courses', token: user().replace(/.{9}$/, 'A'.repeat(9)) }),
  ],
  [
    'an opaque token',
    () => ({ target: '/courses', token: 'b4efd5c5-b3ba-4d5f-8c39-ec9f2c2b4b3b' }),
  ],
  ['a bad token on a public route', () => ({ target: '/health', token: 'a.b.c' })],
  ['a scope that is missing', () => ({ target: '/admin/x', token: user() })],
  [
    'a system on a route for users',
    () => ({ method: 'POST', target: '/courses/7', token: world.issuer.systemToken() }),
  ],
  ['a claim that no header can carry', () => ({ target: '/me', token: user({ groups: {} }) })],
  ['no route', () => ({ target: '/nothing' })],
  ['no method', () => ({ method: 'PATCH', target: '/courses' })],
  ['TRACE', () => ({ method: 'TRACE', target: '/health' })],
  ['a path with two readings', () => ({ target: '/admin/..;/courses' })],
  ['a malformed host', () => ({ target: '/health', host: 'a_b..c' })],
  ['two tokens', () => ({ target: '/courses?access_token=a', token: user() })],
]

describe('explain tells what really happens', () => {
  test.for(ALLOWED)('with %s, which is allowed', async ([, make]) => {
    const parts = make()
    const real = await happened(parts)
    expect(await explained(parts)).toEqual(real)
    expect(real).toMatchObject({ code: null, upstream: { method: parts.method ?? 'GET' } })
  })
  test.for(DENIED)('with %s, which is refused', async ([, make]) => {
    const parts = make()
    const real = await happened(parts)
    expect(await explained(parts)).toEqual(real)
    expect(real).toEqual({ code: expect.any(String), status: expect.any(Number), upstream: null })
  })
})
