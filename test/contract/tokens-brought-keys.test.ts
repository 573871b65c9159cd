import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { publicJwk, rsaKey } from '../support/issuer.ts'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

type Header = Record<string, unknown>

describe('a key that a token brings along is never used', () => {
  const attacker = rsaKey('key-1')
  const visits: string[] = []
  const server = createServer((request, response) => {
    visits.push(request.url ?? '')
    response.end(JSON.stringify({ keys: [attacker.jwk] }))
  })
  let url = ''
  beforeAll(async () => {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
  })
  afterAll(() => new Promise(resolve => server.close(resolve)))

  const BROUGHT: [string, () => Header][] = [
    ['jwk', () => ({ jwk: attacker.jwk })],
    ['jku', () => ({ jku: url })],
    ['x5u', () => ({ x5u: url })],
    ['x5c', () => ({ x5c: [Buffer.from('certificate').toString('base64')] })],
    ['all of them', () => ({ jwk: attacker.jwk, jku: url, x5u: url, x5c: ['AAAA'] })],
  ]

  it.each(BROUGHT)('%s: what it signed is refused', async (_name, header) => {
    const token = world.issuer.token({}, { header: header(), key: attacker.privateKey })
    const outcome = await outcomeOf(world, { target: '/courses', token })
    expect({ outcome, visits }).toEqual({ outcome: refusedWith('token_signature'), visits: [] })
  })

  it.each(BROUGHT)('%s: under a kid of its own it is no key either', async (_name, header) => {
    const kid = 'attacker'
    const token = world.issuer.token({}, { header: { ...header(), kid }, key: attacker.privateKey })
    const outcome = await outcomeOf(world, { target: '/courses', token })
    expect({ outcome, visits }).toEqual({ outcome: refusedWith('token_key_unknown'), visits: [] })
  })

  it.each(BROUGHT)('%s: what the issuer signed is accepted beside it', async (_name, header) => {
    const token = world.issuer.token({}, { header: header() })
    const passage = await passageOf(world, { target: '/courses', token })
    expect({ passage, visits }).toEqual({ passage: PASSED, visits: [] })
  })

  it('an elliptic key in the header changes nothing', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const header = { jwk: publicJwk(privateKey) }
    const token = world.issuer.token({}, { header, key: privateKey })
    const outcome = await outcomeOf(world, { target: '/courses', token })
    expect(outcome).toEqual(refusedWith('token_signature'))
  })
})
