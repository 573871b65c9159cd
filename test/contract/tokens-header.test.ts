import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

type Header = Record<string, unknown>

const GOOD_HEADERS: [string, Header][] = [
  ['typ absent', { typ: undefined }],
  ['typ JWT', { typ: 'JWT' }],
  ['typ jwt', { typ: 'jwt' }],
  ['typ at+jwt', { typ: 'at+jwt' }],
  ['typ AT+JWT', { typ: 'AT+JWT' }],
  ['typ application/at+jwt', { typ: 'application/at+jwt' }],
  ['typ Application/AT+JWT', { typ: 'Application/AT+JWT' }],
  ['no kid, there being one key', { kid: undefined }],
  ['members that nobody knows', { x: { y: [1] }, cty: 'JWT' }],
]

describe('a header is accepted', () => {
  it.each(GOOD_HEADERS)('with %s', async (_name, header) => {
    const token = world.issuer.token({}, { header })
    expect(await passageOf(world, { target: '/courses', token })).toEqual(PASSED)
  })
})

const BAD_HEADERS: [string, Header][] = [
  ['typ of a logout token', { typ: 'logout+jwt' }],
  ['typ of a security event', { typ: 'secevent+jwt' }],
  ['typ of a DPoP proof', { typ: 'dpop+jwt' }],
  ['typ JWS', { typ: 'JWS' }],
  ['typ that only begins like JWT', { typ: 'JWT ' }],
  ['typ with a parameter', { typ: 'at+jwt; x=1' }],
  ['an empty typ', { typ: '' }],
  ['typ null', { typ: null }],
  ['typ a number', { typ: 1 }],
  ['typ a list', { typ: ['JWT'] }],
  ['crit', { crit: ['exp'] }],
  ['an empty crit', { crit: [] }],
  ['crit null', { crit: null }],
  ['crit for b64', { crit: ['b64'], b64: true }],
  ['b64 false', { b64: false }],
  ['b64 true', { b64: true }],
  ['kid null', { kid: null }],
  ['kid a number', { kid: 1 }],
  ['kid a list', { kid: ['key-1'] }],
  ['kid an object', { kid: { toString: 'key-1' } }],
]

describe('a header is malformed', () => {
  it.each(BAD_HEADERS)('with %s', async (_name, header) => {
    const token = world.issuer.token({}, { header })
    const outcome = await outcomeOf(world, { target: '/courses', token })
    expect(outcome).toEqual(refusedWith('token_malformed'))
  })
})

const UNKNOWN_KIDS = [
  'key-2',
  'KEY-1',
  'key-1 ',
  'key-1\0',
  'key-1\r\nX-Dataporten-Userid: x',
  '',
  '../../../../dev/null',
  '/dev/null',
  "' OR '1'='1",
  '$(id)',
  '__proto__',
  'constructor',
  'toString',
  '0',
  'x'.repeat(4000),
]

describe('a kid is only ever looked for among the keys', () => {
  it.each(UNKNOWN_KIDS.map(kid => [JSON.stringify(kid).slice(0, 40), kid]))(
    '%s names none',
    async (_name, kid) => {
      const token = world.issuer.token({}, { header: { kid } })
      const outcome = await outcomeOf(world, { target: '/courses', token })
      expect(outcome).toEqual(refusedWith('token_key_unknown'))
    },
  )
})
