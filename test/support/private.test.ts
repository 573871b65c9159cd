import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CLAIM, type Issuer, startIssuer, USER_ID } from './issuer.ts'
import { privateIn } from './private.ts'
import { startWorld } from './world.ts'

const NIN = '01010112345'

let issuer: Issuer
beforeAll(async () => {
  issuer = await startIssuer()
})
afterAll(() => issuer.close())

describe('the search for what is private', () => {
  const parts = (token: string) => token.split('.') as [string, string, string]
  const found = (text: string, options = {}) =>
    privateIn(text, options).map(what => what.slice(0, what.indexOf(':')))

  test('finds a token, and each part of it but the header', () => {
    const token = issuer.token()
    const [header, payload, signature] = parts(token)
    expect(found(`{"error":"no such token ${token}"}`).sort()).toEqual([
      'the payload of a token',
      'the signature of a token',
    ])
    expect(found(`x="${payload}"`)).toEqual(['the payload of a token'])
    expect(found(`x="${signature}"`)).toEqual(['the signature of a token'])
    expect(found(`x="${header}"`)).toEqual([])
  })
  test('finds what is left where a token was cut', () => {
    const [, payload, signature] = parts(issuer.token())
    expect(found(`${payload.slice(0, 40)}…`)).toEqual(['the payload of a token'])
    expect(found(`…${signature.slice(40)}`)).toEqual(['the signature of a token'])
  })
  test('finds national ids and users, the latter where they may not be named', () => {
    issuer.token({ [`${CLAIM}nin`]: NIN })
    expect(found(`a ${NIN} b`)).toEqual(['a national id'])
    expect(found(`a ${USER_ID} b`)).toEqual(['a user'])
    expect(found(`a ${USER_ID} b`, { userid: true })).toEqual([])
  })
  test('finds nothing in what only looks alike', () => {
    const clientId = '67e0f913-9212-49ce-9d45-18736141887f'
    issuer.token({ client_id: clientId })
    expect(found(clientId)).toEqual([])
    expect(found('12345678901 f81d4fae-7dec-11d0-a765-00a0c91e6bf6 eyJhbGciOiJSUzI1NiJ9')).toEqual(
      [],
    )
  })
})

describe('a gateway that shows a user', () => {
  const showing = { 'X-Request-Id': USER_ID }

  test('in its log does not stop in silence', async () => {
    const world = await startWorld()
    await world.ask({ target: '/me', token: world.issuer.token(), headers: showing })
    await expect(world.stop()).rejects.toThrow('the log of the gateway shows a user')
  })
  test('in its log may do so where the policy says it', async () => {
    const world = await startWorld({ log: { userid: true } })
    await world.ask({ target: '/me', token: world.issuer.token(), headers: showing })
    await world.stop()
  })
  test('in an answer of its own is caught, whoever reads that', async () => {
    const world = await startWorld({ log: { userid: true } })
    world.issuer.token()
    const asking = world.ask({ target: '/nothing', headers: showing })
    await expect(asking).rejects.toThrow('the answer 404 shows a user')
    await world.gateway.fetch('/nothing', { headers: showing })
    await expect(world.stop()).rejects.toThrow('the answer to /nothing shows a user')
  })
})
