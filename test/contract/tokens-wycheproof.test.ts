import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Jwk } from '../support/issuer.ts'
import { request, send } from '../support/raw.ts'
import { codeOf } from '../support/refusal.ts'
import { kidOf, resigned } from '../support/resign.ts'
import { startWorld, type World } from '../support/world.ts'
import { casesOf, type Group, signatureVectors } from '../support/wycheproof.ts'

const groups = signatureVectors()
const cases = casesOf(groups)
const rsa = cases.filter(({ group }) => group.publicJwk.kty === 'RSA')

/** Each key twice: under the kid of the vectors (the first that has it), and under one of its own. */
function keysOf(all: readonly Group[]): Jwk[] {
  const kids = all.map(({ publicJwk }) => publicJwk.kid)
  const first = all.filter(({ publicJwk }, index) => kids.indexOf(publicJwk.kid) === index)
  const own = all.map(group => ({ ...group.publicJwk, kid: kidOf({ group }) }))
  return [...first.map(({ publicJwk }) => publicJwk), ...own]
}

let world: World
beforeAll(async () => {
  const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256']
  world = await startWorld(
    { issuer: { algorithms } },
    {
      prepare: issuer => {
        issuer.keys = [...keysOf(groups), ...issuer.keys]
      },
    },
  )
})
afterAll(() => world.stop())

/** The code of the answer to a token, or the status where it got through. */
async function fateOf(token: string): Promise<string | number | undefined> {
  const bytes = request({ target: '/courses', token })
  const [answer] = await send(world.gateway.port, bytes, { settle: 0 })
  return answer && codeOf(answer)
}

/** White space inside the token makes the request malformed, before anyone looks at the token. */
const SPACED = [360, 365, 368]
/** Nothing at all behind `Bearer` is no token. */
const EMPTY = [13, 30, 45]

describe.skipIf(cases.length === 0)('no Wycheproof vector gets through as it stands', () => {
  it.each(cases)('$title', async ({ vector }) => {
    world.upstream.reset()
    const fate = await fateOf(vector.jws)
    const form = SPACED.includes(vector.tcId) ? 'request_malformed' : 'token_malformed'
    expect({ fate, received: world.upstream.received }).toEqual({
      fate: EMPTY.includes(vector.tcId) ? 'token_missing' : form,
      received: '',
    })
  })
})

/** The key is for PS256 by its own word, the token is signed with PS384. */
const MISFIT = [346, 350]
const valid = rsa.filter(({ vector }) => vector.result === 'valid')
const invalid = rsa.filter(({ vector }) => vector.result === 'invalid')

describe.skipIf(cases.length === 0)(
  'the RSA vectors of Wycheproof, signed anew over claims',
  () => {
    it('are as many as they should be', () => {
      expect([valid.length, invalid.length]).toEqual([32, 286])
    })

    it.each(valid)('valid: $title', async test => {
      const fate = await fateOf(resigned(test, world.issuer.claims()))
      expect(fate).toBe(MISFIT.includes(test.vector.tcId) ? 'token_key_unknown' : 200)
    })

    it.each(invalid)('invalid: $title', async test => {
      world.upstream.reset()
      const token = resigned(test, world.issuer.claims())
      const [fate, received] = [await fateOf(token), world.upstream.received]
      const forged = test.vector.flags.some(flag => /^Modified(Padding|Signature)$/.test(flag))
      const refused = test.vector.tcId === 45 ? /^token_missing$/ : /^token_/
      expect({ fate, received }).toEqual({
        fate: forged ? 'token_signature' : expect.stringMatching(refused),
        received: '',
      })
    })
  },
)
