import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { IssuerFault } from '../support/issuer.ts'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import { codeOf, refusal, refusalOf } from '../support/refusal.ts'
import { startWorld, type World, type WorldOptions } from '../support/world.ts'

const COOLDOWN = 500
const QUICK = { keys: { unknownKidCooldown: `${COOLDOWN}ms` } }

async function withWorld<T>(options: WorldOptions, use: (world: World) => Promise<T>): Promise<T> {
  const world = await startWorld(QUICK, options)
  return use(world).finally(() => world.stop())
}

const withKid = (world: World, kid: string) => world.issuer.token({}, { header: { kid } })

const FAULTS: Exclude<IssuerFault, undefined | 'slow'>[] = [
  'down',
  'error',
  'html',
  'empty',
  'garbage',
  'huge',
  'redirect',
]

describe('while no keys could be fetched nobody can tell whether a token is good', () => {
  it.each(FAULTS)('keys_unavailable with an issuer that is %s', async fault => {
    const prepare = (issuer: { fail: IssuerFault }) => {
      issuer.fail = fault
    }
    await withWorld({ prepare }, async world => {
      const answer = await world.ask({ target: '/courses', token: world.issuer.token() })
      expect(refusalOf(answer)).toEqual(refusal('keys_unavailable'))
      expect(world.upstream.received).toBe('')
    })
  })

  it('keys_unavailable when the discovery document names another issuer', async () => {
    await withWorld({ issuer: { issuer: 'https://issuer.evil.example' } }, async world => {
      const answer = await world.ask({ target: '/courses', token: world.issuer.token() })
      expect(codeOf(answer)).toBe('keys_unavailable')
    })
  })

  it('a token that fails a cheap check is told so all the same', async () => {
    const prepare = (issuer: { fail: IssuerFault }) => {
      issuer.fail = 'down'
    }
    await withWorld({ prepare }, async world => {
      const { issuer } = world
      const codes: Record<string, string | number> = {}
      const tokens = {
        none: undefined,
        rubbish: 'rubbish',
        expired: issuer.token({ exp: 1 }),
        foreign: issuer.token({ aud: 'other' }),
      }
      for (const [name, token] of Object.entries(tokens)) {
        codes[name] = codeOf(await world.ask({ target: '/courses', token }))
      }
      expect(codes).toEqual({
        none: 'token_missing',
        rubbish: 'token_malformed',
        expired: 'token_expired',
        foreign: 'token_audience',
      })
    })
  })

  it('a public route without bearer is served all the same', async () => {
    const prepare = (issuer: { fail: IssuerFault }) => {
      issuer.fail = 'down'
    }
    await withWorld({ prepare }, async world => {
      expect(await passageOf(world, { target: '/health' })).toEqual(PASSED)
    })
  })

  it('once the issuer is back, its tokens are accepted without a restart', async () => {
    const prepare = (issuer: { fail: IssuerFault }) => {
      issuer.fail = 'down'
    }
    await withWorld({ prepare }, async world => {
      await world.ask({ target: '/courses', token: world.issuer.token() })
      world.issuer.fail = undefined
      const deadline = Date.now() + 15_000
      const ask = () => world.ask({ target: '/courses', token: world.issuer.token() })
      while ((await ask()).status !== 200 && Date.now() < deadline) await sleep(100)
      expect((await ask()).status).toBe(200)
    })
  })
})

describe('when the issuer goes away later', () => {
  it('known keys go on, unknown ones cannot be told, and then are unknown again', async () => {
    await withWorld({}, async world => {
      const code = async (kid: string) =>
        codeOf(await world.ask({ target: '/courses', token: withKid(world, kid) }))
      const seen: (string | number)[] = [await code('key-1')]
      await sleep(COOLDOWN + 50)
      world.issuer.fail = 'down'
      // The second one comes within the cooldown: no fetch, but the last one has failed.
      seen.push(await code('other'), await code('another'), await code('key-1'))
      world.issuer.fail = undefined
      await sleep(COOLDOWN + 50)
      const deadline = Date.now() + 10_000
      while ((await code('other')) === 'keys_unavailable' && Date.now() < deadline) await sleep(100)
      seen.push(await code('other'), await code('key-1'))
      expect(seen).toEqual([
        200,
        'keys_unavailable',
        'keys_unavailable',
        200,
        'token_key_unknown',
        200,
      ])
    })
  })
})

describe('unknown kids', () => {
  it('a new key of the issuer is found by the first token that it signed', async () => {
    await withWorld({}, async world => {
      await world.ask({ target: '/courses', token: world.issuer.token() })
      await sleep(COOLDOWN + 50)
      world.issuer.rotate('key-2')
      const token = world.issuer.token()
      expect(await passageOf(world, { target: '/courses', token })).toEqual(PASSED)
    })
  })

  it('a flood of them costs one fetch per cooldown', async () => {
    await withWorld({}, async world => {
      await sleep(COOLDOWN + 50)
      const before = world.issuer.fetches
      const flood = Array.from({ length: 50 }, (_, index) =>
        world.ask({ target: '/courses', token: withKid(world, `kid-${index}`) }),
      )
      const codes = new Set((await Promise.all(flood)).map(codeOf))
      const fetches = world.issuer.fetches - before
      expect({ codes: [...codes], fetches }).toEqual({ codes: ['token_key_unknown'], fetches: 1 })
    })
  })

  it('within the cooldown after any fetch they cost none', async () => {
    const world = await startWorld()
    try {
      // The keys were fetched at the start, well within the default cooldown of 30 s.
      expect(await passageOf(world, { target: '/courses', token: world.issuer.token() })).toEqual(
        PASSED,
      )
      const outcome = await outcomeOf(world, { target: '/courses', token: withKid(world, 'other') })
      expect(outcome).toEqual(refusedWith('token_key_unknown'))
    } finally {
      await world.stop()
    }
  })
})
