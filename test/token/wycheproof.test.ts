import { createSecretKey } from 'node:crypto'
import { compactVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { parseToken } from '../../gateway/token/bearer.ts'
import { type Case, casesOf, signatureVectors } from '../support/wycheproof.ts'
import { fateOf } from './fate.ts'

const cases = casesOf(signatureVectors())

/** The valid vectors that our rules exclude all the same. */
const EXCLUDED: { reason: string; fate: string; ids: number[] }[] = [
  {
    reason: 'a secret that two parties share is never accepted (HS256)',
    fate: 'token_algorithm',
    ids: [1, 348, 352, 357, 358, 359, 376, 377],
  },
  {
    reason: 'a character that is no base64url is not passed over',
    fate: 'token_malformed',
    ids: [372, 373],
  },
  {
    reason: 'a token without payload says nothing',
    fate: 'token_malformed',
    ids: [259, 264, 268, 272, 320, 325],
  },
  {
    reason: 'the key is for PS256 by its own word, the token is signed with PS384',
    fate: 'token_key_unknown',
    ids: [346, 350],
  },
  {
    reason: 'the key is for ES521 by its own word, which is no algorithm',
    fate: 'token_key_unknown',
    ids: [347, 351],
  },
]

const excluded = new Map(
  EXCLUDED.flatMap(({ ids, ...why }) => ids.map((id): [number, typeof why] => [id, why])),
)
const valid = cases.filter(({ vector }) => vector.result === 'valid')
const invalid = cases.filter(({ vector }) => vector.result === 'invalid')
const forged = invalid.filter(({ vector }) =>
  vector.flags.some(flag => flag === 'ModifiedPadding' || flag === 'ModifiedSignature'),
)

describe.skipIf(cases.length === 0)('the Wycheproof vectors for JWS', () => {
  it('are all there', () => {
    expect([cases.length, valid.length, invalid.length]).toEqual([401, 46, 355])
  })

  it.each(invalid)('invalid, and refused: $title', async vector => {
    expect(await fateOf(vector)).not.toBe('accepted')
  })

  it.each(forged)('forged, and refused for the signature: $title', async vector => {
    expect(await fateOf(vector)).toBe('token_signature')
  })

  it.each(valid.filter(({ vector }) => !excluded.has(vector.tcId)))(
    'valid, and accepted: $title',
    async vector => {
      expect(await fateOf(vector)).toBe('accepted')
    },
  )

  it.each(
    valid.flatMap(vector => {
      const why = excluded.get(vector.vector.tcId)
      return why === undefined ? [] : [{ ...vector, ...why }]
    }),
  )('valid, but refused since $reason: $title', async ({ fate, ...vector }) => {
    expect(await fateOf(vector)).toBe(fate)
  })
})

describe.skipIf(cases.length === 0)('base64url that jose alone is lax about', () => {
  const secrets = cases.filter(({ group }) => group.publicJwk.kty === 'oct')

  async function joseAccepts({ group, vector }: Case): Promise<boolean> {
    const key = createSecretKey(String(group.publicJwk.k), 'base64url')
    return compactVerify(vector.jws, key).then(
      () => true,
      () => false,
    )
  }

  async function lax(): Promise<Case[]> {
    const accepted = await Promise.all(secrets.map(joseAccepts))
    return secrets.filter(({ vector }, index) => accepted[index] && vector.result === 'invalid')
  }

  it('it takes six invalid vectors for good', async () => {
    expect((await lax()).map(({ vector }) => vector.tcId)).toEqual([360, 365, 367, 368, 370, 375])
  })

  it('two of them are the valid tc357, byte for byte', async () => {
    const twin = cases.find(({ vector }) => vector.tcId === 357)?.vector.jws
    const twins = (await lax()).filter(({ vector }) => vector.jws === twin)
    expect(twins.map(({ vector }) => vector.tcId)).toEqual([367, 370])
  })

  it.each([360, 365, 368, 375])('tc%i does not get past the check of its form', id => {
    const vector = cases.find(({ vector }) => vector.tcId === id)?.vector
    expect(parseToken(vector?.jws ?? '')).toEqual({
      denied: 'token_malformed',
      detail: 'The token is malformed: a part of it is not canonical base64url',
    })
  })
})
