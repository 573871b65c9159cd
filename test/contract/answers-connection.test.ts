import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request, send, valuesOf } from '../support/raw.ts'
import { codeOf } from '../support/refusal.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({
    dataSources: {
      grades: {
        routes: {
          'GET /courses': { scopes: ['read'] },
          'POST /courses': { scopes: ['append'] },
          'GET /health': 'public',
        },
      },
    },
  })
})
afterAll(() => world.stop())

describe('after a refusal', () => {
  it('the connection serves the next request', async () => {
    const good = request({ target: '/courses', token: world.issuer.token() })
    const bad = request({ target: '/courses' })
    const answers = await send(world.gateway.port, [bad, good], { answers: 2 })
    expect(answers.map(codeOf)).toEqual(['token_missing', 200])
  })

  it('its body is never taken for a request', async () => {
    world.upstream.reset()
    const inner = request({ target: '/health' })
    const outer = request({
      method: 'POST',
      target: '/courses',
      headers: [['Content-Length', String(inner.length)]],
      body: inner,
    })
    const answers = await send(world.gateway.port, outer, { settle: 300 })
    expect({ codes: answers.map(codeOf), received: world.upstream.received }).toEqual({
      codes: ['token_missing'],
      received: '',
    })
  })
})

describe('X-Request-Id', () => {
  const idOf = async (headers: [string, string][], target = '/health') => {
    world.upstream.reset()
    const answer = await world.ask({ target, headers })
    const seen = valuesOf(answer, 'x-request-id')
    const told = world.upstream.requests.flatMap(({ headers }) =>
      valuesOf({ headers }, 'x-request-id'),
    )
    return { seen, told }
  }

  it.each(['abc', 'A.b_c-1', 'x'.repeat(128)])('of the caller is kept: %s', async id => {
    expect(await idOf([['X-Request-Id', id]])).toEqual({ seen: [id], told: [id] })
  })

  it.each([
    ['a space', 'a b'],
    ['129 characters', 'x'.repeat(129)],
    ['a letter beyond ASCII', 'a\xf8'],
    ['a slash', 'a/b'],
    ['nothing', ''],
  ])('of the caller is replaced: %s', async (_name, id) => {
    const { seen, told } = await idOf([['X-Request-Id', id]])
    expect(seen).toEqual([expect.stringMatching(/^[A-Za-z0-9._-]{1,128}$/)])
    expect(seen).not.toEqual([id])
    expect(told).toEqual(seen)
  })

  it('is in a refusal as well, header and body', async () => {
    expect(await idOf([['X-Request-Id', 'abc']], '/courses')).toEqual({ seen: ['abc'], told: [] })
  })

  it('of the upstream does not come through', async () => {
    world.upstream.reset()
    world.upstream.answer = () =>
      'HTTP/1.1 200 OK\r\nX-Request-Id: theirs\r\nContent-Length: 0\r\n\r\n'
    const answer = await world.ask({ target: '/health', headers: [['X-Request-Id', 'ours']] })
    world.upstream.reset()
    expect(valuesOf(answer, 'x-request-id')).toEqual(['ours'])
  })
})
