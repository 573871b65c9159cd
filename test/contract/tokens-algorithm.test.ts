import { createHmac, createPublicKey } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { b64, type Issuer } from '../support/issuer.ts'
import { outcomeOf, refusedWith } from '../support/outcome.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

const ALGORITHMS: [string, unknown][] = [
  ['none', 'none'],
  ['None', 'None'],
  ['NONE', 'NONE'],
  ['nOnE', 'nOnE'],
  ['HS256', 'HS256'],
  ['HS384', 'HS384'],
  ['HS512', 'HS512'],
  ['RS384, which the policy does not list', 'RS384'],
  ['RS512, which the policy does not list', 'RS512'],
  ['PS256, which the policy does not list', 'PS256'],
  ['ES256, which the policy does not list', 'ES256'],
  ['EdDSA, which the policy does not list', 'EdDSA'],
  ['RSA-OAEP', 'RSA-OAEP'],
  ['rs256 in lower case', 'rs256'],
  ['RS256 and a space', 'RS256 '],
  ['an empty one', ''],
  ['a list', ['RS256']],
  ['a number', 256],
  ['null', null],
  ['an object', { toString: 'RS256' }],
  ['a missing one', undefined],
  ['constructor', 'constructor'],
  ['__proto__', '__proto__'],
]

describe('the algorithm is one that the policy lists', () => {
  it.each(ALGORITHMS)('not %s', async (_name, alg) => {
    const token = world.issuer.token({}, { header: { alg } })
    const outcome = await outcomeOf(world, { target: '/courses', token })
    expect(outcome).toEqual(refusedWith('token_algorithm'))
  })

  it.each(['none', 'None', 'NONE', 'nOnE'])('not %s without a signature', async alg => {
    const { issuer } = world
    const token = `${b64({ alg, typ: 'JWT' })}.${b64(issuer.claims())}.`
    const outcome = await outcomeOf(world, { target: '/courses', token })
    expect(outcome).toEqual(refusedWith('token_malformed'))
  })

  const SECRETS: [string, (issuer: Issuer) => string | Buffer][] = [
    ['PEM', ({ privateKey }) => spki(privateKey).export({ type: 'spki', format: 'pem' })],
    ['DER', ({ privateKey }) => spki(privateKey).export({ type: 'spki', format: 'der' })],
    ['JWK', ({ keys }) => JSON.stringify(keys[0])],
    ['modulus', ({ keys }) => Buffer.from(String(keys[0]?.n), 'base64url')],
  ]

  it.each(SECRETS)('not HS256 keyed with the public key as %s', async (_name, secret) => {
    const { issuer } = world
    const input = `${b64({ alg: 'HS256', kid: issuer.kid })}.${b64(issuer.claims())}`
    const mac = createHmac('sha256', secret(issuer)).update(input).digest('base64url')
    const outcome = await outcomeOf(world, { target: '/courses', token: `${input}.${mac}` })
    expect(outcome).toEqual(refusedWith('token_algorithm'))
  })
})

function spki(key: Parameters<typeof createPublicKey>[0]) {
  return createPublicKey(key)
}
