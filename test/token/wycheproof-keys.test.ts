import { describe, expect, it } from 'vitest'
import { casesOf, keyVectors } from '../support/wycheproof.ts'
import { fateOf } from './fate.ts'

const cases = casesOf(keyVectors())

describe.skipIf(cases.length === 0)('the Wycheproof vectors for JWK', () => {
  /** A weakness of one maker's chips that takes a test of its own; the issuer's keys are chosen by it. */
  const ROCA = 7

  it('are all there', () => {
    const valid = cases.filter(({ vector }) => vector.result === 'valid')
    expect([cases.length, valid.length]).toEqual([26, 5])
  })

  it.each(cases.filter(({ vector }) => vector.result === 'invalid' && vector.tcId !== ROCA))(
    'invalid, and refused: $title',
    async vector => {
      expect(await fateOf(vector)).not.toBe('accepted')
    },
  )

  it('of the valid ones all but the RSA one are under a secret, which is never accepted', async () => {
    const valid = cases.filter(({ vector }) => vector.result === 'valid')
    const fates = await Promise.all(valid.map(async test => [test.vector.tcId, await fateOf(test)]))
    expect(fates).toEqual([
      [2, 'token_algorithm'],
      [5, 'accepted'],
      [13, 'token_algorithm'],
      [14, 'token_algorithm'],
      [15, 'token_algorithm'],
    ])
  })
})
