import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import type { Code } from '../support/refusal.ts'
import { headerOf } from '../support/upstream.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

describe('on a public route', () => {
  it('a good bearer is verified and its identity injected', async () => {
    const token = world.issuer.token()
    expect(await passageOf(world, { target: '/health', token })).toEqual(PASSED)
    const [request] = world.upstream.requests
    expect(request && headerOf(request, 'x-dataporten-clientid')).toEqual([
      world.issuer.claims().client_id,
    ])
  })

  const BAD: [string, () => string, Code][] = [
    ['an expired one', () => world.issuer.token({ exp: 1 }), 'token_expired'],
    ['rubbish', () => 'rubbish', 'token_malformed'],
    ['an opaque one', () => 'a3ef17b9-0f39-4dd1-8a53-a6ac1f7e2f28', 'token_opaque'],
    ['one for others', () => world.issuer.token({ aud: 'other' }), 'token_audience'],
  ]

  it.each(BAD)('a bad bearer is refused: %s', async (_name, token, code) => {
    const outcome = await outcomeOf(world, { target: '/health', token: token() })
    expect(outcome).toEqual(refusedWith(code))
  })

  it.each([
    ['nothing', []],
    ['Basic credentials', [['Authorization', 'Basic ZGF0YXBvcnRlbjp4']]],
    ['the scheme alone', [['Authorization', 'Bearer']]],
  ] as [string, [string, string][]][])('%s passes without identity', async (_name, headers) => {
    expect(await passageOf(world, { target: '/health', headers })).toEqual(PASSED)
    const names = world.upstream.requests[0]?.headers.map(([name]) => name.toLowerCase()) ?? []
    const telling = names.filter(name => /^(x-dataporten-|authorization$)/.test(name))
    expect(telling).toEqual(['x-dataporten-gatekeeper'])
  })
})
