import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { chooseKey, hasKid, type KeySet, readKeySet } from '../../gateway/token/keyset.ts'
import { type Jwk, publicJwk, rsaKey } from '../support/issuer.ts'

const rsa = rsaKey('rsa').jwk
const other = rsaKey('other').jwk
const privateRsa = rsaKey('private').privateKey
const ecKey = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey
const p256 = publicJwk(ecKey('P-256'), { kid: 'p256' })
const p384 = publicJwk(ecKey('P-384'), { kid: 'p384' })
const p521 = publicJwk(ecKey('P-521'), { kid: 'p521' })
const koblitz = publicJwk(ecKey('secp256k1'), { kid: 'koblitz' })
const edwards = publicJwk(generateKeyPairSync('ed25519').privateKey, { kid: 'edwards' })
const agreement = publicJwk(generateKeyPairSync('x25519').privateKey, { kid: 'agreement' })

function setOf(...keys: unknown[]): KeySet {
  const keySet = readKeySet({ keys })
  if ('problem' in keySet) throw new Error(keySet.problem)
  return keySet
}

const without = (jwk: Jwk, ...names: string[]): Jwk =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => !names.includes(name)))

/** Which key of a set is chosen, by a name that the test gave it. */
function chosen(keys: readonly Jwk[], kid: string | undefined, alg: string): string {
  const found = chooseKey(setOf(...keys), kid, alg)
  if (found === undefined) return 'none'
  const { n, x } = found.key.export({ format: 'jwk' })
  return String(keys.find(jwk => (n === undefined ? jwk.x === x : jwk.n === n))?.name)
}

describe('a document is no key set, and says why, when it', () => {
  const NO_LIST = { problem: 'the key set has no list of keys' }
  const NO_USABLE = { problem: 'the key set has no usable key' }

  it.each<[string, unknown, object]>([
    ['is undefined', undefined, NO_LIST],
    ['is null', null, NO_LIST],
    ['is a text', '{"keys":[]}', NO_LIST],
    ['is a list', [rsa], NO_LIST],
    ['is an empty object', {}, NO_LIST],
    ['has keys that are an object', { keys: { rsa } }, NO_LIST],
    ['has no keys', { keys: [] }, NO_USABLE],
    ['has only unusable keys', { keys: [null, {}, { kty: 'oct', k: 'AA' }] }, NO_USABLE],
    [
      'has 101 keys',
      { keys: Array(101).fill(rsa) },
      { problem: 'the key set has more than 100 keys' },
    ],
  ])('%s', (_name, document, problem) => {
    expect(readKeySet(document)).toEqual(problem)
  })
})

const { d } = privateRsa.export({ format: 'jwk' })
const INVALID = 'it is not a valid key'
const KIND = '`kty` is not RSA, EC or OKP'

/** Why a key is set aside; the good one beside it stays. */
const SET_ASIDE: [string, unknown, { kid: string; why: string }][] = [
  ['null', null, { kid: '', why: 'it is not an object' }],
  ['a text', 'key', { kid: '', why: 'it is not an object' }],
  ['a list', [rsa], { kid: '', why: 'it is not an object' }],
  ['no kind', {}, { kid: '', why: KIND }],
  ['a kind that nobody knows', { kid: 'x', kty: 'XYZ' }, { kid: 'x', why: KIND }],
  ['a kind in another case', { ...rsa, kty: 'rsa' }, { kid: 'rsa', why: KIND }],
  ['a kind that is a number', { kid: 'x', kty: 7 }, { kid: 'x', why: KIND }],
  ['a secret', { kid: 'x', kty: 'oct', k: 'AAAA' }, { kid: 'x', why: 'it holds private members' }],
  ['a private member', { ...rsa, d }, { kid: 'rsa', why: 'it holds private members' }],
  ['an empty private member', { ...rsa, p: '' }, { kid: 'rsa', why: 'it holds private members' }],
  ['a kid that is a number', { ...rsa, kid: 7 }, { kid: '', why: '`kid` is not a string' }],
  ['a kid that is null', { ...rsa, kid: null }, { kid: '', why: '`kid` is not a string' }],
  [
    'an alg that is a list',
    { ...rsa, alg: ['RS256'] },
    { kid: 'rsa', why: '`alg` is not a string' },
  ],
  ['another use', { ...rsa, use: 'enc' }, { kid: 'rsa', why: '`use` is not sig' }],
  ['an empty use', { ...rsa, use: '' }, { kid: 'rsa', why: '`use` is not sig' }],
  ['a use in another case', { ...rsa, use: 'SIG' }, { kid: 'rsa', why: '`use` is not sig' }],
  ['a use that is a list', { ...rsa, use: ['sig'] }, { kid: 'rsa', why: '`use` is not sig' }],
  ['no operation', { ...rsa, key_ops: [] }, { kid: 'rsa', why: '`key_ops` does not hold verify' }],
  [
    'another operation',
    { ...rsa, key_ops: ['encrypt', 'sign'] },
    { kid: 'rsa', why: '`key_ops` does not hold verify' },
  ],
  [
    'operations that are a text',
    { ...rsa, key_ops: 'verify' },
    { kid: 'rsa', why: '`key_ops` does not hold verify' },
  ],
  ['1024 bits', rsaKey('weak', 1024).jwk, { kid: 'weak', why: 'it has less than 2048 bits' }],
  ['2047 bits', rsaKey('weak', 2047).jwk, { kid: 'weak', why: 'it has less than 2048 bits' }],
  ['the exponent 1', { ...rsa, e: 'AQ' }, { kid: 'rsa', why: 'its exponent is below 3' }],
  ['no modulus', without(rsa, 'n'), { kid: 'rsa', why: INVALID }],
  ['no exponent', without(rsa, 'e'), { kid: 'rsa', why: INVALID }],
  ['a modulus that is no text', { ...rsa, n: 7 }, { kid: 'rsa', why: INVALID }],
  ['a curve that nobody knows', { ...p256, crv: 'P-1' }, { kid: 'p256', why: INVALID }],
  ['a point of another curve', { ...p256, crv: 'P-384' }, { kid: 'p256', why: INVALID }],
  ['a point off its curve', { ...p256, y: p256.x }, { kid: 'p256', why: INVALID }],
  ['no point', without(p256, 'x', 'y'), { kid: 'p256', why: INVALID }],
  ['a key of no length', { ...edwards, x: '' }, { kid: 'edwards', why: INVALID }],
]

describe('a key is set aside, alone, for', () => {
  it.each(SET_ASIDE)('%s', (_name, jwk, reason) => {
    const { usable, unusable } = setOf(jwk, other)
    expect({ usable: usable.map(({ kid }) => kid), unusable }).toEqual({
      usable: ['other'],
      unusable: [reason],
    })
  })

  it('all of these at once do no harm to the good one', () => {
    const { usable, unusable } = setOf(...SET_ASIDE.map(([, jwk]) => jwk), other)
    expect([usable.map(({ kid }) => kid), unusable.length]).toEqual([['other'], SET_ASIDE.length])
  })

  it('a kid is cut where it is told to an operator', () => {
    const { unusable } = setOf({ kid: 'k'.repeat(5000), kty: 'XYZ' }, other)
    expect(unusable).toEqual([{ kid: 'k'.repeat(100), why: KIND }])
  })
})

describe('a key is usable', () => {
  it.each<[string, Jwk]>([
    ['with nothing but its numbers', without(rsa, 'kid', 'use', 'alg')],
    ['for verifying among other things', { ...rsa, key_ops: ['encrypt', 'verify'] }],
    ['with members that nobody knows', { ...rsa, x5t: 'AAAA', x5u: 'https://evil.example' }],
    ['of 2048 bits', rsa],
    ['of 4096 bits', rsaKey('rsa', 4096).jwk],
    ['with an empty kid', { ...rsa, kid: '' }],
  ])('%s', (_name, jwk) => {
    const { usable, unusable } = setOf(jwk)
    expect([usable.length, unusable]).toEqual([1, []])
  })

  it('in a key set of 100', () => {
    const keys = Array.from({ length: 100 }, (_, index) => ({ ...rsa, kid: `key-${index}` }))
    expect(setOf(...keys).usable.map(({ kid }) => kid)).toEqual(keys.map(({ kid }) => kid))
  })
})

const NAMED = {
  rsa: { ...without(rsa, 'alg'), name: 'rsa' },
  p256: { ...p256, name: 'p256' },
  p384: { ...p384, name: 'p384' },
  p521: { ...p521, name: 'p521' },
  koblitz: { ...koblitz, name: 'koblitz' },
  edwards: { ...edwards, name: 'edwards' },
  agreement: { ...agreement, name: 'agreement' },
}

describe('kind and curve of a key fit its algorithm', () => {
  const FITTING: Record<string, string[]> = {
    rsa: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
    p256: ['ES256'],
    p384: ['ES384'],
    p521: ['ES512'],
    koblitz: [],
    edwards: ['EdDSA', 'Ed25519'],
    agreement: [],
  }
  const algorithms = [...Object.values(FITTING).flat(), 'HS256', 'ES256K', 'none', '']

  it.each(Object.entries(NAMED))('%s', (name, jwk) => {
    const fitting = algorithms.filter(alg => chosen([jwk], name, alg) === name)
    expect(fitting).toEqual(FITTING[name])
  })

  it.each(Object.entries(NAMED))('%s, without kid in a set of all kinds', (name, jwk) => {
    const picked = algorithms.filter(
      alg => chosen(Object.values(NAMED), undefined, alg) === jwk.name,
    )
    expect(picked).toEqual(FITTING[name])
  })
})

const a = { ...rsa, kid: 'one', name: 'a' }
const b = { ...other, kid: 'two', name: 'b' }
const named = (jwk: Jwk, members: Jwk): Jwk => ({ ...jwk, ...members })

type Choice = [name: string, keys: Jwk[], kid: string | undefined, alg: string, chosen: string]

describe('the key of a token', () => {
  it.each<Choice>([
    ['is the one with its kid', [a, b], 'two', 'RS256', 'b'],
    ['is none where no key has its kid', [a, b], 'three', 'RS256', 'none'],
    ['is none where kid differs in case', [a, b], 'ONE', 'RS256', 'none'],
    ['is none where the only key has no kid', [without(a, 'kid')], 'one', 'RS256', 'none'],
    ['has an empty kid where the token has one', [named(a, { kid: '' }), b], '', 'RS256', 'a'],
    ['is none where its empty kid is no key’s', [a], '', 'RS256', 'none'],
    ['is the only one where the token has no kid', [a], undefined, 'RS256', 'a'],
    ['is none of two where the token has no kid', [a, b], undefined, 'RS256', 'none'],
    ['is none of two with its kid', [a, named(b, { kid: 'one' })], 'one', 'RS256', 'none'],
    ['is none where the same key is listed twice', [a, a], 'one', 'RS256', 'none'],
    [
      'is the one with its kid that can sign so',
      [named(p256, { kid: 'one' }), a],
      'one',
      'RS256',
      'a',
    ],
    [
      'is the one with its kid that may be used so',
      [named(b, { kid: 'one', use: 'enc' }), a],
      'one',
      'RS256',
      'a',
    ],
    [
      'is the one of two with its kid that is for this algorithm',
      [named(b, { kid: 'one', alg: 'PS256' }), a],
      'one',
      'RS256',
      'a',
    ],
    ['is none where alg says otherwise', [named(a, { alg: 'RS512' })], 'one', 'RS256', 'none'],
    ['is none where alg differs in case', [named(a, { alg: 'rs256' })], 'one', 'RS256', 'none'],
    [
      'is none where an elliptic key claims to be for RS256',
      [named(p256, { kid: 'one', alg: 'RS256' })],
      'one',
      'RS256',
      'none',
    ],
    ['is none for a secret’s algorithm', [without(a, 'alg')], 'one', 'HS256', 'none'],
  ])('%s', (_name, keys, kid, alg, expected) => {
    expect(chosen(keys, kid, alg)).toBe(expected)
  })
})

it('a kid is known whether its key is usable or not', () => {
  const keySet = setOf(a, { kid: 'enc', kty: 'RSA', use: 'enc' })
  expect(['one', 'enc', 'two', ''].map(kid => hasKid(keySet, kid))).toEqual([
    true,
    true,
    false,
    false,
  ])
})
