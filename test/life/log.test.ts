import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LogLine } from '../support/gateway.ts'
import { CLAIM, CLIENT_ID, USER_ID } from '../support/issuer.ts'
import { type RequestParts, valuesOf } from '../support/raw.ts'
import { startWorld, type World } from '../support/world.ts'

/** The line of one request. */
async function lineOf(world: World, parts: RequestParts): Promise<LogLine> {
  const answer = await world.ask(parts)
  const [requestId] = valuesOf(answer, 'x-request-id')
  return world.gateway.waitForLog(line => line.msg === 'request' && line.requestId === requestId)
}

const LINE = {
  level: 'info',
  time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  msg: 'request',
  requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  durationMs: expect.any(Number),
}
const ALLOWED = { ...LINE, dataSource: 'grades', decision: 'allow', upstreamMs: expect.any(Number) }
const DENIED = { ...LINE, dataSource: 'grades', decision: 'deny' }
const USER = { clientId: CLIENT_ID, principal: 'user' }

describe('the line of a request', () => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({
      dataSources: {
        grades: {
          routes: {
            'GET /courses/{id}': { scopes: ['read'] },
            'POST /courses': { scopes: ['admin'], principal: 'user' },
            'GET /health': 'public',
          },
        },
        gone: {
          audience: 'gone',
          hosts: ['gone.test'],
          upstream: 'http://127.0.0.1:1',
          routes: { 'GET /**': 'public' },
        },
      },
    })
  })
  afterAll(() => world.stop())

  test('of a user that is allowed', async () => {
    const parts = { target: '/courses/7?name=Kari', token: world.issuer.token() }
    expect(await lineOf(world, parts)).toEqual({
      ...ALLOWED,
      ...USER,
      route: '/courses/{id}',
      method: 'GET',
      status: 200,
    })
  })
  test('of a system that is allowed', async () => {
    const parts = { method: 'HEAD', target: '/courses/7', token: world.issuer.systemToken() }
    expect(await lineOf(world, parts)).toEqual({
      ...ALLOWED,
      clientId: CLIENT_ID,
      principal: 'system',
      route: '/courses/{id}',
      method: 'HEAD',
      status: 200,
    })
  })
  test('of a public route, with the id that the caller gave', async () => {
    const parts = { target: '/health', headers: { 'X-Request-Id': 'mine.1' } }
    expect(await lineOf(world, parts)).toEqual({
      ...ALLOWED,
      requestId: 'mine.1',
      route: '/health',
      method: 'GET',
      status: 200,
    })
  })
  test('of a scope that is missing', async () => {
    const parts = { method: 'POST', target: '/courses', token: world.issuer.token() }
    expect(await lineOf(world, parts)).toEqual({
      ...DENIED,
      ...USER,
      route: '/courses',
      method: 'POST',
      status: 403,
      code: 'scope_missing',
    })
  })
  test('of a token that is refused, which speaks for nobody', async () => {
    const parts = { target: '/courses/7', token: world.issuer.token({ aud: 'other' }) }
    expect(await lineOf(world, parts)).toEqual({
      ...DENIED,
      route: '/courses/{id}',
      method: 'GET',
      status: 401,
      code: 'token_audience',
    })
  })
  test('of a path without a route, which no line repeats', async () => {
    const { dataSource: _, ...denied } = DENIED
    expect(await lineOf(world, { target: '/nothing/here?a=b' })).toEqual({
      ...denied,
      method: 'GET',
      status: 404,
      code: 'route_unknown',
    })
    expect(world.gateway.logText).not.toContain('nothing/here')
  })
  test('of an upstream that is away, with the cause for the operator', async () => {
    expect(await lineOf(world, { target: '/a', host: 'gone.test' })).toEqual({
      ...DENIED,
      level: 'warn',
      dataSource: 'gone',
      route: '/**',
      method: 'GET',
      status: 502,
      code: 'upstream_unavailable',
      cause: expect.any(String),
      upstreamMs: expect.any(Number),
    })
  })
  test('of an answer that the upstream itself refuses', async () => {
    const { answer } = world.upstream
    world.upstream.answer = () => 'HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n'
    const line = await lineOf(world, { target: '/health' })
    world.upstream.answer = answer
    expect(line).toEqual({ ...ALLOWED, route: '/health', method: 'GET', status: 418 })
  })
  test('is one JSON object, whatever is in the request', async () => {
    const parts = { target: '/health', headers: { 'X-Request-Id': 'a"b\\n', 'X-A': '"}' } }
    await lineOf(world, parts)
    const lines = world.gateway.logText.split('\n').slice(0, -1)
    expect(lines.map(line => typeof JSON.parse(line))).toEqual(lines.map(() => 'object'))
  })
})

const NIN = '01010112345'
const EPPN = 'kari.nordmann@example.no'
const QUERY = 'query-of-a-caller'

/** Requests that go all ways through the gateway, each with everything that is nobody's business. */
async function sendSecrets(world: World): Promise<readonly string[]> {
  const personal = {
    name: 'Kari Nordmann',
    [`${CLAIM}nin`]: NIN,
    [`${CLAIM}eduPersonPrincipalName`]: EPPN,
    [`${CLAIM}userid_sec`]: [`nin:${NIN}`, `feide:${EPPN}`],
  }
  const token = world.issuer.token(personal)
  const others = [
    world.issuer.token({ ...personal, aud: 'other' }),
    world.issuer.token({ ...personal, scope: '' }),
    world.issuer.token({ ...personal, name: {} }),
    world.issuer.token({ ...personal, [`${CLAIM}nin`]: `${NIN}\n` }),
    token.slice(0, -4).concat('AAAA'),
    `${token}.more`,
    'b4efd5c5-b3ba-4d5f-8c39-ec9f2c2b4b3b',
  ]
  const targets = ['/courses', '/health', '/nothing', '/../courses', '/me%zz']
  for (const target of targets) await world.ask({ target: `${target}?q=${QUERY}`, token })
  for (const other of others) await world.ask({ target: `/courses?q=${QUERY}`, token: other })
  await world.ask({ target: `/courses?access_token=${token}&q=${QUERY}`, token })
  await world.ask({ target: `/courses?access_token=${token}` })
  world.upstream.answer = (_, socket) => void socket.destroy()
  await world.ask({ target: `/courses?q=${QUERY}`, token })
  world.upstream.reset()
  const parts = [token, ...others].flatMap(text => text.split('.')).filter(part => part.length > 8)
  return [...parts, NIN, EPPN, 'Nordmann', QUERY, 'b4efd5c5']
}

describe.for([false, true])('with log.userid: %s', userid => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({
      log: { level: 'trace', userid },
      dataSources: {
        grades: {
          headers: {
            useridSec: ['feide', 'nin'],
            inject: { 'X-Name': { claim: 'name', encoding: 'percent' } },
          },
        },
      },
    })
  })
  afterAll(() => world.stop())

  test(`a line ${userid ? 'names the user' : 'names no user'}`, async () => {
    const line = await lineOf(world, { target: '/courses', token: world.issuer.token() })
    const user = userid ? { ...USER, userId: USER_ID } : USER
    expect(line).toEqual({ ...ALLOWED, ...user, route: '/courses', method: 'GET', status: 200 })
  })
  test('a line of a system names no user', async () => {
    const token = world.issuer.systemToken()
    expect(await lineOf(world, { target: '/courses', token })).not.toHaveProperty('userId')
  })
  test('no line has a token, a nin, another claim or a query', async () => {
    const secrets = await sendSecrets(world)
    await lineOf(world, { target: '/health' })
    const { logText, errorText } = world.gateway
    expect(secrets.filter(secret => (logText + errorText).includes(secret))).toEqual([])
    expect(logText.includes(USER_ID)).toBe(userid)
  })
})
