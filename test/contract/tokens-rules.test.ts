import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AUDIENCE, b64, type Claims, publicJwk } from '../support/issuer.ts'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import { startWorld, type World } from '../support/world.ts'

const SECOND = 'https://n.feide.no/datasources/0b2cd36b-57b5-4b33-a3d5-4a1d6e4a5d0f'
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey

let world: World
beforeAll(async () => {
  world = await startWorld(
    {
      issuer: { algorithms: ['PS256', 'ES256'], clockTolerance: '60s', maxLifetime: '2m' },
      dataSources: { grades: { audience: [AUDIENCE, SECOND] } },
    },
    {
      prepare: issuer => {
        const rsa = { ...issuer.keys[0], alg: undefined }
        issuer.keys = [rsa, publicJwk(p256, { kid: 'p256' }), publicJwk(p384, { kid: 'p384' })]
      },
    },
  )
})
afterAll(() => world.stop())

const now = (seconds: number) => Math.floor(Date.now() / 1000) + seconds
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
const P1363 = { dsaEncoding: 'ieee-p1363' } as const

/** A token for two minutes. */
function made(header: object, key: KeyObject, how: object, claims: Claims = {}): string {
  const text = b64(world.issuer.claims({ exp: now(120), ...claims }))
  const input = `${b64(header)}.${text}`
  return `${input}.${sign('sha256', Buffer.from(input), { key, ...how }).toString('base64url')}`
}

const pss = (claims: Claims = {}) =>
  made({ alg: 'PS256', kid: 'key-1' }, world.issuer.privateKey, PSS, claims)

describe('what the policy says of the issuer holds', () => {
  const ACCEPTED: [string, () => string][] = [
    ['PS256, since it is listed', () => pss()],
    ['ES256, since it is listed', () => made({ alg: 'ES256', kid: 'p256' }, p256, P1363)],
    ['ES256 without kid, one key fitting it', () => made({ alg: 'ES256' }, p256, P1363)],
    ['another audience of the data source', () => pss({ aud: SECOND })],
    ['exp within the tolerance', () => pss({ iat: now(-100), exp: now(-50) })],
    ['nbf within the tolerance', () => pss({ nbf: now(50) })],
  ]

  it.each(ACCEPTED)('%s is accepted', async (_name, token) => {
    expect(await passageOf(world, { target: '/courses', token: token() })).toEqual(PASSED)
  })

  const der = { dsaEncoding: 'der' }
  const REFUSED = [
    ['RS256, since it is not listed', 'token_algorithm', () => world.issuer.token()],
    ['exp beyond the tolerance', 'token_expired', () => pss({ iat: now(-150), exp: now(-65) })],
    ['nbf beyond the tolerance', 'token_not_yet_valid', () => pss({ nbf: now(70) })],
    ['a life above the maximum', 'token_lifetime', () => pss({ iat: now(0), exp: now(121) })],
    [
      'ES256 under an RSA key',
      'token_key_unknown',
      () => made({ alg: 'ES256', kid: 'key-1' }, p256, P1363),
    ],
    [
      'ES256 under a key of another curve',
      'token_key_unknown',
      () => made({ alg: 'ES256', kid: 'p384' }, p384, P1363),
    ],
    [
      'PS256 under an elliptic key',
      'token_key_unknown',
      () => made({ alg: 'PS256', kid: 'p256' }, world.issuer.privateKey, PSS),
    ],
    [
      'ES256 with a signature in DER',
      'token_signature',
      () => made({ alg: 'ES256', kid: 'p256' }, p256, der),
    ],
    [
      'PS256 with a signature of RS256',
      'token_signature',
      () => made({ alg: 'PS256', kid: 'key-1' }, world.issuer.privateKey, {}),
    ],
  ] as const

  it.each(REFUSED)('%s is refused', async (_name, code, token) => {
    const outcome = await outcomeOf(world, { target: '/courses', token: token() })
    expect(outcome).toEqual(refusedWith(code))
  })
})
