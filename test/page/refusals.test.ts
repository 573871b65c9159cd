import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pidsOf, untilServing } from '../life/workers.ts'
import { CLAIM, CLIENT_ID, USER_ID } from '../support/issuer.ts'
import { waitUntil } from '../support/redis.ts'
import { startWorld, type World } from '../support/world.ts'
import { askPage, textOf } from './support.ts'

/** What the page says of requests that were refused: of one process, and of several. */

const NIN = '01017012345'
const ROUTES = {
  'GET /courses': { scopes: ['read'] },
  'GET /audit': { scopes: { anyOf: [['admin', 'list'], ['audit']] } },
  'PUT /courses/{id}': { scopes: ['append'], principal: 'user' },
  'GET /mine': { scopes: ['read'], clients: ['another-client'] },
  'GET /health': 'public',
}

describe('when a worker dies', () => {
  test('what it has counted and refused is still shown', async () => {
    const world = await startWorld({ workers: 2 })
    const { gateway } = world
    const figure = async () => {
      const { body } = await askPage(gateway.adminPort)
      return /<code>token_missing<\/code><\/th>\s*<td class="num">\d+<\/td><td class="num">(\d+)/.exec(
        body,
      )?.[1]
    }
    const refused = async () => (await askPage(gateway.adminPort)).body.match(/<li id="refusal-/g)
    for (let i = 0; i < 12; i++) await world.ask({ target: '/courses' })
    await waitUntil(async () => (await refused())?.length === 12, 'not all are shown')
    expect(await figure()).toBe('12')
    const [first] = await pidsOf(gateway)
    process.kill(first ?? 0, 'SIGKILL')
    await untilServing(gateway, 2, [first ?? 0])
    expect([await figure(), (await refused())?.length]).toEqual(['12', 12])
    await world.stop()
  })
})

describe.each([1, 2])('with %d process(es)', workers => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({ workers, dataSources: { grades: { routes: ROUTES } } })
  })
  afterAll(() => world.stop())

  /** The refusal with this request id, as it is shown, once it is. */
  async function shown(id: string): Promise<string> {
    let text = ''
    const isThere = async () => {
      const page = await askPage(world.gateway.adminPort)
      const item = page.body
        .split('<li id="refusal-')
        .find(part => part.includes(`<code>${id}</code> (in the log`))
      text = item === undefined ? '' : textOf({ body: `<ol id="it"${item}` }, 'it')
      return item !== undefined
    }
    await waitUntil(isThere, () => `${id} is not shown`)
    return text.replace(/^\d\d:\d\d:\d\d /, '')
  }

  test('a missing scope: what was needed, what there was, what is missing', async () => {
    const headers = { 'X-Request-Id': 'missing-scope' }
    const token = world.issuer.token({ scope: 'read audience' })
    expect((await world.ask({ target: '/courses/7', method: 'PUT', headers, token })).status).toBe(
      403,
    )
    const text = await shown('missing-scope')
    expect(text).toContain(`403 scope_missing grades: PUT /courses/{id} ${CLIENT_ID}`)
    expect(text).toContain('The token lacks a scope that this route asks for.')
    expect(text).toContain('Needed a token with append , of a user')
    expect(text).toContain('The token has read and audience ; it speaks for a user')
    expect(text).toContain('Missing append')
    expect(text).toMatch(/Route PUT \/courses\/\{id\} , line \d+ of the policy, data source grades/)
  })
  test('of alternatives, the one of which least is missing', async () => {
    const headers = { 'X-Request-Id': 'alternatives' }
    const token = world.issuer.token({ scope: 'admin' })
    await world.ask({ target: '/audit', headers, token })
    const text = await shown('alternatives')
    expect(text).toContain('Needed a token with admin and list , or audit')
    expect(text).toContain('Missing list')
  })
  test('a system where a user is asked for', async () => {
    const headers = { 'X-Request-Id': 'no-user' }
    const token = world.issuer.systemToken({ scope: 'append' })
    await world.ask({ target: '/courses/7', method: 'PUT', headers, token })
    const text = await shown('no-user')
    expect(text).toContain('403 user_required')
    expect(text).toContain('The token speaks for a program; this route is for people.')
    expect(text).toContain('it speaks for a system')
  })
  test('a client that is not on the list', async () => {
    const headers = { 'X-Request-Id': 'other-client' }
    await world.ask({ target: '/mine', headers, token: world.issuer.token({ scope: 'read' }) })
    const text = await shown('other-client')
    expect(text).toContain('403 client_not_allowed')
    expect(text).toContain('of one of 1 client(s)')
  })
  test.for([
    ['no token', undefined, 'token_missing', 'The caller sent no token.'],
    ['an opaque token', '0b9f8dde-5a0e-4f0b-9b9e-3f4e0a3f4e0a', 'token_opaque', 'audience'],
    ['no JWT', 'nonsense', 'token_malformed', 'it does not have three parts'],
  ] as const)('%s', async ([, token, code, words]) => {
    await world.ask({ target: '/courses', headers: { 'X-Request-Id': code }, token })
    const text = await shown(code)
    expect(text).toContain(`401 ${code} grades: GET /courses`)
    expect(text).toContain(words)
    expect(text).toContain('Client not known: no token was found good')
  })
  test('a token for another API: which audience it has to be for', async () => {
    const headers = { 'X-Request-Id': 'audience' }
    const token = world.issuer.token({ aud: 'https://n.feide.no/datasources/other' })
    await world.ask({ target: '/courses', headers, token })
    expect(await shown('audience')).toContain(
      'Audience https://n.feide.no/datasources/02d0f79b-7fbc-422b-bb31-a4d22121f040',
    )
  })
  test('no route, and what is no HTTP at all', async () => {
    await world.ask({ target: '/nothing', headers: { 'X-Request-Id': 'nowhere' } })
    expect(await shown('nowhere')).toContain('404 route_unknown GET, no route')
  })

  test('names neither user nor path, and holds no token', async () => {
    const secrets = { [`${CLAIM}nin`]: NIN, name: 'Bjørn Hansen', scope: '' }
    const token = world.issuer.token(secrets)
    const target = `/courses/${NIN}?ssn=${NIN}`
    const headers = { 'X-Request-Id': 'private', Cookie: 'session=private' }
    await world.ask({ target, method: 'PUT', headers, token })
    await world.ask({ target: `/nobody/${NIN}`, headers: { 'X-Request-Id': 'private-2' } })
    await shown('private')
    await shown('private-2')
    const { body } = await askPage(world.gateway.adminPort)
    for (const secret of [NIN, USER_ID, 'Hansen', 'session', ...token.split('.')]) {
      expect(body).not.toContain(secret)
    }
  })
  test('shows what callers choose as text', async () => {
    const token = world.issuer.token({ scope: '<script>alert(1)</script> "onload=x' })
    await world.ask({ target: '/courses', headers: { 'X-Request-Id': 'markup' }, token })
    expect(await shown('markup')).toContain('<script>alert(1)</script>')
    const { body } = await askPage(world.gateway.adminPort)
    expect(body.match(/<script/g)).toHaveLength(1)
  })
  test('of many, the last hundred', async () => {
    const flood = async (from: number) => {
      for (let i = from; i < from + 50; i++) {
        await world.ask({ target: '/courses', headers: { 'X-Request-Id': `flood-${i}` } })
      }
    }
    await Promise.all([flood(0), flood(50), flood(100)])
    const idsOf = (body: string) => new Set(body.match(/flood-\d+/g))
    let body = ''
    const all = async () => {
      body = (await askPage(world.gateway.adminPort)).body
      return idsOf(body).size === 100
    }
    await waitUntil(all, () => `${idsOf(body).size} are shown`)
    expect(body.match(/<li id="refusal-/g)).toHaveLength(100)
  })
  test('counts them by reason and by route', async () => {
    const rowOf = (body: string, name: string) =>
      [...(body.split(`<code>${name}</code></th>`)[1] ?? '').matchAll(/<td class="num[^>]*>(\d+)/g)]
        .slice(0, 3)
        .map(([, figure]) => Number(figure))
    const count = async (name: string) => rowOf((await askPage(world.gateway.adminPort)).body, name)
    const before = await count('GET /health')
    expect(before).toEqual([0, 0, 0])
    for (let i = 0; i < 3; i++) await world.ask({ target: '/health' })
    await world.ask({ target: '/health', method: 'HEAD' })
    await world.ask({ target: '/health', token: 'nonsense' })
    let said: number[] = []
    const counted = async () => {
      said = await count('GET /health')
      return said.join() === '4,1,0'
    }
    await waitUntil(counted, () => String(said))
    expect((await count('token_opaque'))[1]).toBe(1)
    expect((await count('token_missing'))[1]).toBe(151)
  })
})
