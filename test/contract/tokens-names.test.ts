import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_ID, type Claims } from '../support/issuer.ts'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

type Case = [name: string, claims: Claims]

function accepts(cases: Case[]): void {
  it.each(cases)('%s is accepted', async (_name, claims) => {
    const token = world.issuer.token(claims)
    expect(await passageOf(world, { target: '/me', token })).toEqual(PASSED)
  })
}

function refuses(cases: Case[]): void {
  it.each(cases)('%s is refused', async (_name, claims) => {
    const token = world.issuer.token(claims)
    const outcome = await outcomeOf(world, { target: '/me', token })
    expect(outcome).toEqual(refusedWith('token_claims'))
  })
}

describe.each(['sub', 'client_id'])('%s is 1 to 255 visible ASCII characters', claim => {
  accepts([
    ['one character', { [claim]: 'x' }],
    ['255 characters', { [claim]: 'x'.repeat(255) }],
    ['punctuation', { [claim]: '!"#$%&\'()*+-./:;<=>?@[\\]^_`{|}~' }],
  ])
  refuses([
    ['a missing one', { [claim]: undefined, act: undefined }],
    ['an empty one', { [claim]: '' }],
    ['256 characters', { [claim]: 'x'.repeat(256) }],
    ['a comma', { [claim]: 'marker,other' }],
    ['a space', { [claim]: 'marker other' }],
    ['a space at the end', { [claim]: 'marker ' }],
    ['a line feed', { [claim]: 'marker\nX-Dataporten-Scopes: admin' }],
    ['a carriage return', { [claim]: 'marker\r' }],
    ['a NUL', { [claim]: 'marker\0' }],
    ['a tab', { [claim]: 'marker\t' }],
    ['a DEL', { [claim]: 'marker\x7f' }],
    ['a letter beyond ASCII', { [claim]: 'bjørnar' }],
    ['a character that folds to ASCII', { [claim]: 'ｍａｒｋｅｒ' }],
    ['half a surrogate pair', { [claim]: 'marker\ud800' }],
    ['a number', { [claim]: 7 }],
    ['a list', { [claim]: ['marker'] }],
    ['an object', { [claim]: { toString: 'marker' } }],
    ['true', { [claim]: true }],
    ['null', { [claim]: null }],
  ])
})

describe('scope is a string or a list of strings without space or comma', () => {
  accepts([
    ['a missing one', { scope: undefined }],
    ['an empty string', { scope: '' }],
    ['one scope', { scope: 'read' }],
    ['several scopes', { scope: 'read append' }],
    ['several scopes with two spaces between', { scope: 'read  append' }],
    ['a list', { scope: ['read', 'append'] }],
    ['an empty list', { scope: [] }],
  ])
  refuses([
    ['a number', { scope: 7 }],
    ['null', { scope: null }],
    ['true', { scope: true }],
    ['an object', { scope: { read: true } }],
    ['a list with a number', { scope: ['read', 7] }],
    ['a list with null', { scope: ['read', null] }],
    ['a list in a list', { scope: [['read']] }],
    ['a list with a space in an entry', { scope: ['read append'] }],
    ['a list with a comma in an entry', { scope: ['read,append'] }],
  ])
})

describe('act.sub, when present, is the client', () => {
  accepts([
    ['no act', { act: undefined }],
    ['an act without sub', { act: {} }],
    ['an act with more in it', { act: { sub: CLIENT_ID, iss: 'x', act: { sub: 'earlier' } } }],
  ])
  refuses([
    ['another client', { act: { sub: 'c2bf0a46-6c8b-4a3c-9d4e-3f1d7b1c5a11' } }],
    ['the client in upper case', { act: { sub: CLIENT_ID.toUpperCase() } }],
    ['an empty string', { act: { sub: '' } }],
    ['a number', { act: { sub: 7 } }],
    ['a list', { act: { sub: [CLIENT_ID] } }],
    ['null', { act: { sub: null } }],
  ])
})

describe('a token that is bound to a proof is refused, since nobody checks the proof', () => {
  refuses([
    ['a key thumbprint', { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }],
    [
      'a certificate thumbprint',
      { cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN' } },
    ],
    ['an empty cnf', { cnf: {} }],
  ])
})

describe('other claims are nobody’s business', () => {
  accepts([
    ['a jti that is an object', { jti: { a: 1 } }],
    ['an azp of another', { azp: 'other' }],
    ['an empty one', { '': '' }],
    ['a nested one', { x: { y: [{ z: null }] } }],
    ['one called constructor', { constructor: 'x', toString: 1, hasOwnProperty: null }],
  ])
})
