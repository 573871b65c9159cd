import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { startFeide } from '../../docker/local-stack/feide.ts'
import { get, jwtFor } from '../local-stack/feide/support.ts'
import { request, sendOne } from '../support/raw.ts'
import { headerOf } from '../support/upstream.ts'
import { API, OPAQUE, type Stage, startStage } from './stage.ts'

// Each starts processes of its own, which takes its time on a loaded machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const NAME = 'X-Dataporten-token'

describe('X-Dataporten-token', () => {
  let on: Stage
  beforeAll(async () => {
    on = await startStage({ headers: { token: API } })
  })
  afterAll(() => on?.stop())
  afterEach(() => on?.upstream.reset())

  const ask = (parts: Parameters<typeof request>[0]) => sendOne(on.gateway.port, request(parts))
  const seen = () => on.upstream.requests.map(each => headerOf(each, NAME))

  test.each([
    ['a user', 'bjorn'],
    ['a system', undefined],
  ])('is an opaque token of Feide for %s, never the JWT', async (_, user) => {
    const token = await jwtFor(on.feide, user)
    const { status } = await ask({ target: '/me', token })
    expect({ status, seen: seen() }).toEqual({
      status: 200,
      seen: [[expect.stringMatching(OPAQUE)]],
    })
  })

  test('is good for the groups and the userinfo of the user', async () => {
    await ask({ target: '/me', token: await jwtFor(on.feide, 'kari') })
    const [[token] = []] = seen()
    const groups = await get(`${on.feide.url}/groups/me/groups`, token)
    const info = await get(`${on.feide.url}/openid/userinfo`, token)
    expect({ groups: groups.status, info: info.body }).toMatchObject({
      groups: 200,
      info: { sub: 'b4c6f0d2-5a0e-4d0b-8c63-2d1f1d0a9e57' },
    })
  })

  test('is asked for once, however many requests come with the same JWT at once', async () => {
    // A JWT says when it was issued in seconds and nothing else that is new: not that of another test.
    await setTimeout(1_000 - (Date.now() % 1_000))
    const token = await jwtFor(on.feide, 'bjorn')
    const before = (await on.exchanges())['out success'] ?? 0
    await Promise.all(Array.from({ length: 20 }, () => ask({ target: '/me', token })))
    const [[first] = []] = seen()
    expect({
      tokens: new Set(seen().flat()),
      asked: (await on.exchanges())['out success'],
    }).toEqual({
      tokens: new Set([first]),
      asked: before + 1,
    })
  })

  test('of a caller gets nowhere, in no spelling', async () => {
    const token = await jwtFor(on.feide)
    for (const name of [NAME, 'x_dataporten_token', 'X-Dataporten.Token']) {
      await ask({ target: '/me', token, headers: [[name, 'forged']] })
    }
    expect(seen()).toEqual([1, 2, 3].map(() => [expect.stringMatching(OPAQUE)]))
    expect(on.upstream.received).not.toContain('forged')
  })

  test('is absent where there is no token: on public routes and preflights', async () => {
    await ask({ target: '/open' })
    const cors: [string, string][] = [
      ['Origin', 'https://app.example.no'],
      ['Access-Control-Request-Method', 'GET'],
    ]
    await ask({ method: 'OPTIONS', target: '/me', headers: cors })
    expect(seen()).toEqual([[], []])
  })

  test('comes with a WebSocket too', async () => {
    const token = await jwtFor(on.feide, 'bjorn')
    on.upstream.answer = () => 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'
    const headers: [string, string][] = [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ]
    await ask({ target: '/live', token, headers })
    expect(seen()).toEqual([[expect.stringMatching(OPAQUE)]])
  })
})

describe('when Feide is away', () => {
  test.each([
    ['optional', { status: 200, code: undefined, seen: [[]] }],
    ['required', { status: 502, code: 'api_token_unavailable', seen: [] }],
  ])('a token that is %s: the answer says so, and Feide comes back', async (failure, expected) => {
    const on = await startStage({ headers: { token: { ...API, failure } } })
    try {
      const token = await jwtFor(on.feide, 'bjorn')
      const ask = () => sendOne(on.gateway.port, request({ target: '/me', token }))
      const port = Number(new URL(on.feide.url).port)
      await on.feide.close()
      const { status, body } = await ask()
      const { code } = JSON.parse(body.toString()) as { code?: string }
      const seen = on.upstream.requests.map(each => headerOf(each, NAME))
      expect({ status, code, seen }).toEqual(expected)
      const line = await on.gateway.waitForLog(({ msg }) => msg === 'no exchange')
      expect(line).toMatchObject({ dataSource: 'grades', notExchanged: 'unavailable' })
      for (const secret of [token, API.clientSecret]) {
        expect(on.gateway.logText + body).not.toContain(secret)
      }

      // The one that comes back does not know this JWT's key: it refuses, and is not asked again.
      const again = await startFeide({ port })
      await vi.waitUntil(async () => (await ask()) && (await on.exchanges())['out refused'], 10_000)
      const refusals = (await on.exchanges())['out refused']
      await ask()
      expect((await on.exchanges())['out refused']).toBe(refusals)
      await again.close()
    } finally {
      await on.stop()
    }
  })
})
