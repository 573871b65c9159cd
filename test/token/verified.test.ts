import { createPublicKey } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { isDenial } from '../../gateway/policy/denial.ts'
import { createTokenMemory } from '../../gateway/token/verified.ts'
import { DEFAULTS } from '../keys/simulation.ts'
import { rsaKey } from '../support/issuer.ts'
import { heldBytes } from './held-bytes.ts'
import {
  KID,
  STALE_FOR,
  TOKENS,
  TOLERANCE,
  type VerifierStage,
  verifierStage,
} from './verifier-stage.ts'

/** What is remembered of a token that was verified, and what ends it. */

const FIRST = rsaKey(KID)
const SECOND = rsaKey(KID)
const OTHER = rsaKey('key-2')

let on: VerifierStage
beforeEach(async () => {
  on = await verifierStage(FIRST)
})

describe('for another data source it is nothing', () => {
  test('whose audience it does not have', async () => {
    const token = on.token({ aud: 'grades' })
    const verdicts: unknown[] = []
    for (const at of [on.grades, on.exams, on.grades, on.exams]) {
      verdicts.push(await on.verdict(token, at), on.isKnown(token, at))
    }
    const [good, bad] = [
      ['grades', true],
      ['token_audience', false],
    ]
    expect(verdicts).toEqual([good, bad, good, bad].flat())
  })
  test('whose audience it has, too: there it is verified for itself', async () => {
    const token = on.token({ aud: ['grades', 'exams'] })
    expect(await on.verdict(token, on.grades)).toBe('grades')
    expect([on.isKnown(token, on.grades), on.isKnown(token, on.exams)]).toEqual([true, false])
    expect(await on.verdict(token, on.exams)).toBe('exams')
    expect([on.isKnown(token, on.grades), on.isKnown(token, on.exams)]).toEqual([true, true])
  })
})

describe('it is known by every character of it', () => {
  test('one that differs in a single one is another token', async () => {
    const token = on.token()
    expect([await on.verdict(token), on.isKnown(token), on.isKnown(token)]).toEqual([
      'grades',
      ...[true, true],
    ])
    const { text } = token
    const others = Array.from(text, (character, i) => {
      const other = character === 'A' ? 'B' : 'A'
      return `${text.slice(0, i)}${other}${text.slice(i + 1)}`
    })
    others.push(`${text}A`, text.slice(0, -1), ` ${text}`, `${text}\0`, text.toLowerCase())
    expect(others.filter(other => on.recallToken(other, on.grades))).toEqual([])
    expect(on.isKnown(token)).toBe(true)
  })
  test('whoever brings it gets its text and what was verified, all of it', async () => {
    const tokens = ['1', '2'].map(jti => on.token({ jti }))
    const verified = await Promise.all(tokens.map(token => on.verifyToken(token, on.grades)))
    expect(tokens.map(({ text }) => on.recallToken(text, on.grades))).toEqual(verified)
    expect(verified).toMatchObject(tokens.map(({ text }) => ({ text })))
  })
  test('but its text is not kept: long tokens need no more memory than short ones', async () => {
    const memory = createTokenMemory({ max: 4_000, clockTolerance: 0, currentKey: () => undefined })
    const verified = await on.verifyToken(on.token(), on.grades)
    if (isDenial(verified)) throw new Error(verified.detail)
    const key = createPublicKey(FIRST.privateKey)
    const signed = { alg: 'RS256', kid: KID }
    const before = heldBytes()
    for (let i = 0; i < 4_000; i++) {
      // Sixteen KiB that are a string of their own.
      const text = Buffer.alloc(16_384, `${i}.`).toString('latin1')
      memory.remember({ ...verified, text }, key, signed)
    }
    expect(heldBytes() - before).toBeLessThan(4_000 * 4_096)
    expect(memory.size()).toBe(4_000)
  })
})

test.for([
  ['', []],
  ['read', ['read']],
  [' read  append ', ['read', 'append']],
  [undefined, []],
] as const)('the scopes of %j are %j', async ([scope, scopes]) => {
  const token = on.token({ scope })
  expect(await on.verifyToken(token, on.grades)).toMatchObject({ scopes })
  expect(on.recallToken(token.text, on.grades)).toMatchObject({ scopes })
})

describe('its own times end it', () => {
  /** Seconds from the moment of the token, and whether it is known then. */
  test.for([
    ['before its end', 59, true, 'grades'],
    ['within the clock tolerance', 60 + TOLERANCE - 0.001, true, 'grades'],
    ['at the end of the clock tolerance', 60 + TOLERANCE, false, 'token_expired'],
    ['with the clock set back a little', -TOLERANCE, true, 'grades'],
    [
      'with the clock set back before its beginning',
      -TOLERANCE - 0.001,
      false,
      'token_not_yet_valid',
    ],
  ] as const)('%s', async ([, seconds, isKnown, again]) => {
    const token = on.token({ exp: on.now() + 60 })
    expect(await on.verdict(token)).toBe('grades')
    on.setClock(seconds)
    expect([on.isKnown(token), await on.verdict(token)]).toEqual([isKnown, again])
  })
})

describe('it holds as long as the key that it was verified with is the one in force', () => {
  const known = async () => {
    const token = on.token()
    expect([await on.verdict(token), on.isKnown(token)]).toEqual(['grades', true])
    return token
  }

  test('another key beside it changes nothing', async () => {
    const token = await known()
    on.issuer.keys = [OTHER.jwk, FIRST.jwk]
    await on.passed(DEFAULTS.refresh)
    expect(await on.verdict(token)).toBe('grades')
    expect(on.isKnown(token)).toBe(true)
  })
  test('another key under the same id ends it', async () => {
    const token = await known()
    on.issuer.keys = [SECOND.jwk]
    await on.passed(DEFAULTS.refresh)
    expect([on.isKnown(token), await on.verdict(token)]).toEqual([false, 'token_signature'])
    const next = on.token({}, SECOND)
    expect([await on.verdict(next), on.isKnown(next)]).toEqual(['grades', true])
  })
  test('a key that is published no more ends it', async () => {
    const token = await known()
    on.issuer.keys = [OTHER.jwk]
    await on.passed(DEFAULTS.refresh)
    expect([on.isKnown(token), await on.verdict(token)]).toEqual([false, 'token_key_unknown'])
  })
  test('a key that is distrusted ends it, until it is trusted again', async () => {
    const token = await known()
    on.store.say({ distrusted: new Set([KID]) })
    await on.clock.pass(1_000)
    expect([on.isKnown(token), await on.verdict(token)]).toEqual([false, 'token_key_unknown'])
    on.store.say({ distrusted: new Set() })
    await on.clock.pass(1_000)
    expect([on.isKnown(token), await on.verdict(token)]).toEqual([true, 'grades'])
  })
  test('a key set that is too old ends it', async () => {
    const token = await known()
    on.issuer.error = 'away'
    await on.passed(STALE_FOR + DEFAULTS.refresh)
    expect([on.isKnown(token), await on.verdict(token)]).toEqual([false, 'keys_unavailable'])
  })
})

describe('no more than `limits.tokens` are remembered', () => {
  test('the one that was not used for longest is forgotten', async () => {
    const tokens = Array.from({ length: TOKENS + 1 }, (_, i) => on.token({ jti: String(i) }))
    const [first, ...others] = tokens
    for (const token of tokens.slice(0, TOKENS)) await on.verdict(token)
    expect(first && on.isKnown(first)).toBe(true)
    for (const token of tokens.slice(TOKENS)) await on.verdict(token)
    const known = tokens.map(token => on.isKnown(token))
    expect({ known, others: others.length }).toEqual({
      known: [true, false, ...Array(TOKENS - 1).fill(true)],
      others: TOKENS,
    })
  })
  test('one counts once, for however many data sources', async () => {
    const tokens = Array.from({ length: TOKENS }, (_, i) =>
      on.token({ jti: String(i), aud: ['grades', 'exams'] }),
    )
    const sources = [on.grades, on.exams]
    for (const token of tokens) for (const at of sources) await on.verdict(token, at)
    expect(tokens.flatMap(token => sources.map(at => on.isKnown(token, at)))).toEqual(
      Array(2 * TOKENS).fill(true),
    )
  })
})
