import { describe, expect, it } from 'vitest'
import { readKeySet } from '../../gateway/token/keyset.ts'
import { rsaKey } from '../support/issuer.ts'
import { casesOf, keyVectors } from '../support/wycheproof.ts'
import { fateOf } from '../token/fate.ts'

const cases = casesOf(keyVectors())

/** What becomes of each vector, by its number. */
const FATES: Record<string, number[]> = {
  accepted: [5, 7],
  token_algorithm: [1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 25, 26],
  token_key_unknown: [6, 19, 20, 21, 22, 23, 24],
  // The keys of these two are set aside as well (below), but their tokens are malformed already.
  token_malformed: [8, 9],
}

/** Where the gateway does not do what the vector asks for, and why. */
const DEVIATIONS: Record<string, { readonly ids: number[]; readonly asked: string }> = {
  'a secret that two parties share is never accepted (HS256, HS384, HS512)': {
    ids: [2, 13, 14, 15],
    asked: 'valid',
  },
  'the weakness of one maker’s chips (ROCA) is not looked for: keys are the issuer’s to choose': {
    ids: [7],
    asked: 'invalid',
  },
}

const deviating = Object.values(DEVIATIONS).flatMap(({ ids }) => ids)
const fates = new Map(Object.entries(FATES).flatMap(([fate, ids]) => ids.map(id => [id, fate])))

describe.skipIf(cases.length === 0)('the Wycheproof vectors for JWK', () => {
  it('are all there, each with one fate', () => {
    const ids = Array.from({ length: 26 }, (_, index) => index + 1)
    const told = Object.values(FATES).flat()
    expect(cases.map(({ vector }) => vector.tcId)).toEqual(ids)
    expect(told.sort((a, b) => a - b)).toEqual(ids)
  })

  it.each(cases)('$title', async test => {
    expect(await fateOf(test)).toBe(fates.get(test.vector.tcId))
  })

  it.each(cases.filter(({ vector }) => !deviating.includes(vector.tcId)))(
    'as asked, $vector.result: $title',
    async test => {
      const accepted = (await fateOf(test)) === 'accepted'
      expect(accepted).toBe(test.vector.result === 'valid')
    },
  )

  it.each([
    [6, '`use` is not sig'],
    [8, 'it has less than 2048 bits'],
    [9, 'its exponent is below 3'],
    [21, '`use` is not sig'],
    [22, 'it is not a valid key'],
    [23, 'it is not a valid key'],
    [24, 'it is not a valid key'],
  ])('the key of tc%i is set aside: %s', (id, why) => {
    const jwk = cases.find(({ vector }) => vector.tcId === id)?.group.publicJwk
    const keySet = readKeySet({ keys: [jwk, rsaKey('good').jwk] })
    expect(keySet).toMatchObject({ usable: [{ kid: 'good' }], unusable: [{ kid: jwk?.kid, why }] })
  })

  it.each(Object.entries(DEVIATIONS))('not as asked, since %s', async (_why, { ids, asked }) => {
    const found = cases.filter(({ vector }) => ids.includes(vector.tcId))
    const deviations = await Promise.all(
      found.map(async test => [test.vector.result, (await fateOf(test)) === 'accepted']),
    )
    expect(deviations).toEqual(ids.map(() => [asked, asked !== 'valid']))
  })
})
