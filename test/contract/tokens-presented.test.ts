import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AUDIENCE } from '../support/issuer.ts'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import type { RequestParts } from '../support/raw.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

type Presented = (token: string) => RequestParts
const authorization =
  (value: (token: string) => string): Presented =>
  token => ({ target: '/courses', headers: [['Authorization', value(token)]] })

const ACCEPTED: [string, Presented][] = [
  ['the scheme as it is usually written', authorization(token => `Bearer ${token}`)],
  ['the scheme in lower case', authorization(token => `bearer ${token}`)],
  ['the scheme in upper case', authorization(token => `BEARER ${token}`)],
  ['the scheme in mixed case', authorization(token => `bEaReR ${token}`)],
  ['white space around the value', authorization(token => `  Bearer ${token} \t `)],
  [
    'a header name in upper case',
    token => ({ target: '/courses', headers: [['AUTHORIZATION', `Bearer ${token}`]] }),
  ],
  [
    'a query member whose name only ends in access_token',
    token => ({ target: '/courses?no_access_token=1', token }),
  ],
]

describe('a token is taken from the Authorization header', () => {
  it.each(ACCEPTED)('with %s', async (_name, present) => {
    expect(await passageOf(world, present(world.issuer.token()))).toEqual(PASSED)
  })
})

const MALFORMED: [string, Presented][] = [
  [
    'the same Authorization twice',
    token => ({
      target: '/courses',
      headers: [
        ['Authorization', `Bearer ${token}`],
        ['Authorization', `Bearer ${token}`],
      ],
    }),
  ],
  [
    'Basic before Bearer, in names of different case',
    token => ({
      target: '/courses',
      headers: [
        ['authorization', 'Basic ZGF0YXBvcnRlbjp4'],
        ['AUTHORIZATION', `Bearer ${token}`],
      ],
    }),
  ],
  [
    'two Authorization headers on a public route',
    token => ({ target: '/health', headers: [['Authorization', 'Basic eDp5']], token }),
  ],
  ['a space inside the token', authorization(token => `Bearer ${token.replace('.', ' .')}`)],
  ['a tab inside the token', authorization(token => `Bearer ${token.replace('.', '.\t')}`)],
  ['something after the token', authorization(token => `Bearer ${token} x`)],
  ['two bearers in one header', authorization(token => `Bearer ${token}, Bearer ${token}`)],
  [
    'the same token in the query as well',
    token => ({ target: `/courses?access_token=${token}`, token }),
  ],
  [
    'another token further on in the query',
    token => ({ target: '/courses?page=2&access_token=abc', token }),
  ],
]

describe('a request that presents a token in two ways is refused as a whole', () => {
  it.each(MALFORMED)('with %s', async (_name, present) => {
    const outcome = await outcomeOf(world, present(world.issuer.token()))
    expect(outcome).toEqual(refusedWith('request_malformed'))
  })
})

const MISSING: [string, Presented][] = [
  ['no Authorization at all', () => ({ target: '/courses' })],
  ['an empty Authorization', authorization(() => '')],
  ['the scheme alone', authorization(() => 'Bearer')],
  ['the scheme and white space', authorization(() => 'Bearer   ')],
  ['Basic credentials', authorization(() => 'Basic ZGF0YXBvcnRlbjp4')],
  ['the DPoP scheme', authorization(token => `DPoP ${token}`)],
  ['a scheme that only begins like Bearer', authorization(token => `Bearers ${token}`)],
  ['the token without a scheme', authorization(token => token)],
  ['a token in the query alone', token => ({ target: `/courses?access_token=${token}` })],
  [
    'a token in a cookie',
    token => ({ target: '/courses', headers: [['Cookie', `access_token=${token}`]] }),
  ],
  [
    'a token in a form',
    token => ({
      target: '/courses',
      headers: [
        ['Content-Type', 'application/x-www-form-urlencoded'],
        ['Content-Length', String(`access_token=${token}`.length)],
      ],
      body: `access_token=${token}`,
    }),
  ],
]

describe('there is no token', () => {
  it.each(MISSING)('with %s', async (_name, present) => {
    const outcome = await outcomeOf(world, present(world.issuer.token()))
    expect(outcome).toEqual(refusedWith('token_missing'))
  })
})

describe('an opaque Feide token is not a JWT', () => {
  const OPAQUE = ['a3ef17b9-0f39-4dd1-8a53-a6ac1f7e2f28', 'A3EF17B9-0F39-4DD1-8A53-A6AC1F7E2F28']

  it.each(OPAQUE)('%s is refused as opaque', async token => {
    const outcome = await outcomeOf(world, { target: '/courses', token })
    expect(outcome).toEqual(refusedWith('token_opaque'))
  })

  it('the text says that it must be exchanged, and for which audience and scopes', async () => {
    const answer = await world.ask({ target: '/courses', token: OPAQUE[0] })
    const { detail } = JSON.parse(answer.body)
    expect(detail).toMatch(/exchange/i)
    expect(detail).toContain(AUDIENCE)
    expect(detail).toMatch(/\bread\b/)
  })

  it('a UUID that is one character short is only malformed', async () => {
    const token = OPAQUE[0]?.slice(0, -1)
    const outcome = await outcomeOf(world, { target: '/courses', token })
    expect(outcome).toEqual(refusedWith('token_malformed'))
  })
})
