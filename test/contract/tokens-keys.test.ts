import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Issuer, type Jwk, publicJwk, rsaKey } from '../support/issuer.ts'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import { startWorld, type World, type WorldOptions } from '../support/world.ts'

const second = rsaKey('key-2')
const weak = rsaKey('weak', 1024)
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const edwards = generateKeyPairSync('ed25519').privateKey

const UNUSABLE: [string, unknown][] = [
  ['an elliptic key', publicJwk(elliptic, { kid: 'ec', use: 'sig', alg: 'ES256' })],
  ['an Edwards key', publicJwk(edwards, { kid: 'ed', use: 'sig', alg: 'EdDSA' })],
  ['a secret', { kty: 'oct', kid: 'oct', k: Buffer.alloc(32, 7).toString('base64url') }],
  ['a weak key', weak.jwk],
  ['a key for encryption', { ...second.jwk, use: 'enc' }],
  ['a key for another algorithm', { ...second.jwk, alg: 'RSA-OAEP-256' }],
  ['a key without modulus', { kty: 'RSA', kid: 'no-n', e: 'AQAB' }],
  ['a key with a modulus that is no base64url', { ...second.jwk, n: '***' }],
  ['a key of a kind that nobody knows', { kty: 'XYZ', kid: 'xyz' }],
  ['a key whose kind is a number', { kty: 7, kid: 'seven' }],
  ['an empty object', {}],
  ['null', null],
  ['a string', 'key'],
  ['a list', []],
]

/** Runs a gateway on this key set for one look at it. */
async function withWorld<T>(options: WorldOptions, use: (world: World) => Promise<T>): Promise<T> {
  const world = await startWorld({}, options)
  return use(world).finally(() => world.stop())
}

const serving =
  (...keys: unknown[]) =>
  (issuer: Issuer) => {
    issuer.keys = [...(keys as Jwk[])]
  }

type Question = {
  readonly name: string
  readonly keys: (own: Jwk) => unknown[]
  readonly header?: Record<string, unknown>
  readonly key?: KeyObject
}

function ask(world: World, { header = {}, key = world.issuer.privateKey }: Question) {
  return world.issuer.token({}, { header, key })
}

const USED: Question[] = [
  { name: 'the one with its kid', keys: own => [second.jwk, own] },
  { name: 'one without use', keys: own => [without(own, 'use')] },
  { name: 'one without alg', keys: own => [without(own, 'alg')] },
  { name: 'one that has only kty, n, e and kid', keys: own => [without(own, 'use', 'alg')] },
  { name: 'one for verifying', keys: own => [{ ...own, key_ops: ['verify'] }] },
  { name: 'one with members that nobody knows', keys: own => [{ ...own, x5t: 'AAAA', issued: 1 }] },
  {
    name: 'the only one, without kid in the token',
    keys: own => [own],
    header: { kid: undefined },
  },
  {
    name: 'the only one, without kid in token and key',
    keys: own => [without(own, 'kid')],
    header: { kid: undefined },
  },
  {
    name: 'the only usable one, without kid in the token',
    keys: own => [...UNUSABLE.map(([, key]) => key), own],
    header: { kid: undefined },
  },
  {
    name: 'the only usable one of two with this kid',
    keys: own => [publicJwk(elliptic, { kid: own.kid, use: 'sig', alg: 'ES256' }), own],
  },
]

describe('the key that is used is', () => {
  it.each(USED)('$name', async question => {
    const prepare = (issuer: Issuer) => serving(...question.keys(issuer.keys[0] ?? {}))(issuer)
    const passage = await withWorld({ prepare }, world =>
      passageOf(world, { target: '/courses', token: ask(world, question) }),
    )
    expect(passage).toEqual(PASSED)
  })
})

describe('one unusable key does not spoil the others', () => {
  it.each(UNUSABLE)('%s', async (_name, key) => {
    const prepare = (issuer: Issuer) => serving(key, ...issuer.keys)(issuer)
    const passage = await withWorld({ prepare }, world =>
      passageOf(world, { target: '/courses', token: world.issuer.token() }),
    )
    expect(passage).toEqual(PASSED)
  })
})

/** Beside each stands a good key of another kid, so that the set as a whole is usable. */
const REFUSED: Question[] = [
  { name: 'none that has its kid', keys: () => [second.jwk] },
  { name: 'none with a kid at all', keys: own => [without(own, 'kid'), second.jwk] },
  {
    name: 'two, without kid in the token',
    keys: own => [own, second.jwk],
    header: { kid: undefined },
  },
  {
    name: 'two with its kid',
    keys: own => [own, { ...second.jwk, kid: own.kid }],
  },
  { name: 'one for encryption', keys: own => [{ ...own, use: 'enc' }, second.jwk] },
  { name: 'one with an empty use', keys: own => [{ ...own, use: '' }, second.jwk] },
  { name: 'one for signing only', keys: own => [{ ...own, key_ops: ['sign'] }, second.jwk] },
  { name: 'one for no operation', keys: own => [{ ...own, key_ops: [] }, second.jwk] },
  { name: 'one for RS512', keys: own => [{ ...own, alg: 'RS512' }, second.jwk] },
  { name: 'one for PS256', keys: own => [{ ...own, alg: 'PS256' }, second.jwk] },
  {
    name: 'one of 1024 bits',
    keys: own => [{ ...weak.jwk, kid: own.kid }, second.jwk],
    key: weak.privateKey,
  },
  {
    name: 'an elliptic one',
    keys: own => [publicJwk(elliptic, { kid: own.kid }), second.jwk],
    key: elliptic,
  },
  {
    name: 'an elliptic one that claims to be for RS256',
    keys: own => [publicJwk(elliptic, { kid: own.kid, alg: 'RS256' }), second.jwk],
    key: elliptic,
  },
  {
    name: 'a secret',
    keys: own => [{ kty: 'oct', kid: own.kid, alg: 'RS256', k: 'A'.repeat(43) }, second.jwk],
  },
  {
    name: 'one of 1024 bits, the only one, without kid in the token',
    keys: () => [weak.jwk, publicJwk(elliptic, { kid: 'ec' })],
    header: { kid: undefined },
    key: weak.privateKey,
  },
]

describe('no key fits when the issuer has', () => {
  it.each(REFUSED)('$name', async question => {
    const prepare = (issuer: Issuer) => serving(...question.keys(issuer.keys[0] ?? {}))(issuer)
    const outcome = await withWorld({ prepare }, world =>
      outcomeOf(world, { target: '/courses', token: ask(world, question) }),
    )
    expect(outcome).toEqual(refusedWith('token_key_unknown'))
  })
})

function without(jwk: Jwk, ...members: string[]): Jwk {
  return Object.fromEntries(Object.entries(jwk).filter(([name]) => !members.includes(name)))
}
