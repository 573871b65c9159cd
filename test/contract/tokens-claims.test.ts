import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AUDIENCE, CLIENT_ID, type Claims } from '../support/issuer.ts'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import type { Code } from '../support/refusal.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

type Case = [name: string, claims: Claims | (() => Claims)]

/** A good token is taken with these claims, on a route that asks for nothing more. */
function accepts(cases: Case[]): void {
  it.each(cases)('%s is accepted', async (_name, claims) => {
    const token = world.issuer.token(typeof claims === 'function' ? claims() : claims)
    expect(await passageOf(world, { target: '/me', token })).toEqual(PASSED)
  })
}

function refuses(code: Code, cases: Case[]): void {
  it.each(cases)('%s is refused', async (_name, claims) => {
    const token = world.issuer.token(typeof claims === 'function' ? claims() : claims)
    const outcome = await outcomeOf(world, { target: '/me', token })
    expect(outcome).toEqual(refusedWith(code))
  })
}

describe('iss is the issuer, byte for byte', () => {
  refuses('token_issuer', [
    ['a missing one', { iss: undefined }],
    ['another', { iss: 'https://issuer.evil.example' }],
    ['one with a slash at the end', () => ({ iss: `${world.issuer.url}/` })],
    ['one with a path', () => ({ iss: `${world.issuer.url}/openid` })],
    ['one with a query', () => ({ iss: `${world.issuer.url}?` })],
    ['one in upper case', () => ({ iss: world.issuer.url.toUpperCase() })],
    ['one under https', () => ({ iss: world.issuer.url.replace('http:', 'https:') })],
    ['one that only begins alike', () => ({ iss: `${world.issuer.url}.evil.example` })],
    ['one with a space at the end', () => ({ iss: `${world.issuer.url} ` })],
    ['an empty one', { iss: '' }],
    ['a list', () => ({ iss: [world.issuer.url] })],
    ['an object', () => ({ iss: { url: world.issuer.url } })],
    ['a number', { iss: 1 }],
    ['null', { iss: null }],
  ])
})

describe('aud has an audience of the data source', () => {
  const other = 'https://n.feide.no/datasources/0b2cd36b-57b5-4b33-a3d5-4a1d6e4a5d0f'
  accepts([
    ['a string', { aud: AUDIENCE }],
    ['a list of one', { aud: [AUDIENCE] }],
    ['a list with others', { aud: [other, AUDIENCE] }],
  ])
  refuses('token_audience', [
    ['a missing one', { aud: undefined }],
    ['that of another data source', { aud: other }],
    ['a list of others', { aud: [other] }],
    ['an empty list', { aud: [] }],
    ['an empty string', { aud: '' }],
    ['the client, as in an ID token', { aud: CLIENT_ID }],
    ['the issuer', () => ({ aud: world.issuer.url })],
    ['one with a slash at the end', { aud: `${AUDIENCE}/` }],
    ['one in upper case', { aud: AUDIENCE.toUpperCase() }],
    ['the beginning of ours', { aud: AUDIENCE.slice(0, -1) }],
    ['ours and more', { aud: `${AUDIENCE}0` }],
    ['several in one string', { aud: `${AUDIENCE} ${other}` }],
    ['several in one string with comma', { aud: `${AUDIENCE},${other}` }],
    ['a list in a list', { aud: [[AUDIENCE]] }],
    ['a list with a number beside ours', { aud: [AUDIENCE, 7] }],
    ['an object', { aud: { 0: AUDIENCE, length: 1 } }],
    ['a number', { aud: 7 }],
    ['null', { aud: null }],
  ])
})

describe.each(['exp', 'iat', 'nbf'])('%s is a finite number', claim => {
  const now = Math.floor(Date.now() / 1000)
  refuses('token_claims', [
    ['a string', { [claim]: String(now) }],
    ['a date', { [claim]: new Date(now * 1000).toISOString() }],
    ['a list', { [claim]: [now] }],
    ['an object', { [claim]: {} }],
    ['true', { [claim]: true }],
    ['null', { [claim]: null }],
  ])

  it.each(['1e400', '-1e400'])('%s is refused', async number => {
    const payload = JSON.stringify(world.issuer.claims({ [claim]: 'HERE' }))
    const token = world.issuer.sign(payload.replace('"HERE"', number))
    const outcome = await outcomeOf(world, { target: '/me', token })
    expect(outcome).toEqual(refusedWith('token_claims'))
  })
})

describe('exp and iat must be there, nbf need not', () => {
  refuses('token_claims', [
    ['a token without exp', { exp: undefined }],
    ['a token without iat', { iat: undefined }],
  ])
  accepts([['a token without nbf', { nbf: undefined }]])
})

/** Seconds from now; a function since the tables are made long before the tokens. */
const now = (seconds: number) => Math.floor(Date.now() / 1000) + seconds

describe('a token is good from iat and nbf until exp, give or take 5 s', () => {
  refuses('token_expired', [
    ['exp a minute ago', () => ({ iat: now(-300), exp: now(-60) })],
    ['exp 7 s ago', () => ({ iat: now(-300), exp: now(-7) })],
    ['exp 0', { iat: -10, exp: 0 }],
    ['a negative exp', { iat: -10, exp: -1 }],
  ])
  refuses('token_not_yet_valid', [
    ['nbf in a minute', () => ({ nbf: now(60) })],
    ['nbf in 9 s', () => ({ nbf: now(9) })],
    ['nbf at the end of time', { nbf: 1e300 }],
    ['iat in a minute', () => ({ iat: now(60), exp: now(120) })],
    ['iat in 9 s', () => ({ iat: now(9) })],
  ])
  accepts([
    ['exp 2 s ago', () => ({ iat: now(-300), exp: now(-2) })],
    ['nbf in 3 s', () => ({ nbf: now(3) })],
    ['iat in 3 s', () => ({ iat: now(3) })],
    ['times with a fraction', () => ({ iat: now(0) - 0.5, nbf: now(0) - 0.5, exp: now(60.5) })],
  ])
})

describe('a token lives 10 minutes at most', () => {
  refuses('token_lifetime', [
    ['601 s', () => ({ iat: now(0), exp: now(601) })],
    ['a day', () => ({ iat: now(0), exp: now(86_400) })],
    ['an exp at the end of time', { exp: 1e300 }],
    ['an exp in milliseconds', () => ({ exp: now(300) * 1000 })],
    ['an iat long ago', () => ({ iat: 0 })],
  ])
  accepts([
    ['600 s', () => ({ iat: now(0), exp: now(600) })],
    ['a second', () => ({ iat: now(0), exp: now(1) })],
  ])
})
