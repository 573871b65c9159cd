import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refusal, refusalOf } from '../support/refusal.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({
    dataSources: {
      grades: {
        hosts: ['gateway.test'],
        upstream: { timeout: '500ms' },
        routes: { 'GET /health': 'public', 'POST /health': 'public' },
      },
      dead: {
        audience: 'https://n.feide.no/datasources/0b2cd36b-57b5-4b33-a3d5-4a1d6e4a5d0f',
        hosts: ['dead.test'],
        upstream: 'http://127.0.0.1:9',
        routes: { 'GET /': 'public' },
      },
    },
  })
})
afterAll(() => world.stop())

describe('an upstream that fails', () => {
  it('is upstream_timeout when it says nothing', async () => {
    world.upstream.reset()
    world.upstream.answer = () => undefined
    const answer = await world.ask({ target: '/health' })
    world.upstream.reset()
    world.upstream.cut()
    expect(refusalOf(answer)).toEqual(refusal('upstream_timeout'))
  })

  it('is upstream_unavailable when it hangs up', async () => {
    world.upstream.reset()
    world.upstream.answer = (_request, socket) => void socket.destroy()
    const answer = await world.ask({
      method: 'POST',
      target: '/health',
      headers: [['Content-Length', '0']],
    })
    world.upstream.reset()
    expect(refusalOf(answer)).toEqual(refusal('upstream_unavailable'))
  })

  it('an upstream that is away is not named', async () => {
    const answer = await world.ask({ host: 'dead.test', target: '/' })
    expect(answer.raw).not.toMatch(/127\.0\.0\.1|:9\b|ECONN/)
  })
})
