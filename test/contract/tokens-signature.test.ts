import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { b64, type Issuer, rsaKey } from '../support/issuer.ts'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import { codeOf } from '../support/refusal.ts'
import { startWorld, type World } from '../support/world.ts'

const stranger = rsaKey('key-1')
const OTHER_AUDIENCE = 'https://n.feide.no/datasources/0b2cd36b-57b5-4b33-a3d5-4a1d6e4a5d0f'

let world: World
beforeAll(async () => {
  world = await startWorld({
    keys: { refresh: '300ms' },
    dataSources: {
      grades: { hosts: ['grades.test'] },
      exams: {
        audience: OTHER_AUDIENCE,
        hosts: ['exams.test'],
        upstream: 'http://127.0.0.1:9',
        routes: { 'GET /courses': { scopes: ['read'] } },
      },
    },
  })
})
afterAll(() => world.stop())

type Forge = (issuer: Issuer) => string

/** Replaces one part of a good token and keeps the rest. */
function swapped(index: number, replace: (part: string, issuer: Issuer) => string): Forge {
  return issuer => {
    const parts = issuer.token().split('.')
    parts[index] = replace(parts[index] ?? '', issuer)
    return parts.join('.')
  }
}

const bytes = (part: string, change: (buffer: Buffer) => Buffer) =>
  change(Buffer.from(part, 'base64url')).toString('base64url')

const flipped = (at: number) => (part: string) =>
  bytes(part, buffer => {
    const index = (at + buffer.length) % buffer.length
    buffer[index] = (buffer[index] ?? 0) ^ 1
    return buffer
  })

const FORGED: [string, Forge][] = [
  ['a key of a stranger under the kid of ours', i => i.token({}, { key: stranger.privateKey })],
  ['other claims', swapped(1, (_, issuer) => b64(issuer.claims({ scope: 'read admin' })))],
  [
    'the same claims with a space',
    swapped(1, (_, issuer) => b64(`${JSON.stringify(issuer.claims())} `)),
  ],
  ['another header', swapped(0, (_, issuer) => b64({ alg: 'RS256', kid: issuer.kid }))],
  ['its first bit flipped', swapped(2, flipped(0))],
  ['its last bit flipped', swapped(2, flipped(-1))],
  ['zeros', swapped(2, part => bytes(part, buffer => buffer.fill(0)))],
  ['a byte missing at its end', swapped(2, part => bytes(part, buffer => buffer.subarray(0, -1)))],
  ['a byte missing at its start', swapped(2, part => bytes(part, buffer => buffer.subarray(1)))],
  ['a zero before it', swapped(2, part => bytes(part, b => Buffer.concat([Buffer.alloc(1), b])))],
  ['a zero after it', swapped(2, part => bytes(part, b => Buffer.concat([b, Buffer.alloc(1)])))],
  ['a single byte', swapped(2, () => 'AA')],
  ['that of another token', swapped(2, (_, i) => i.token({ jti: 'x' }).split('.')[2] ?? '')],
  ['the modulus of the key', swapped(2, (_, issuer) => String(issuer.keys[0]?.n))],
]

describe('a signature is refused that is', () => {
  it.each(FORGED)('%s', async (_name, forge) => {
    const { host, ...parts } = { host: 'grades.test', target: '/courses' }
    const token = forge(world.issuer)
    const { refusal, leaks, received } = await outcomeOf(world, { ...parts, host, token })
    const { keyFetches, ...expected } = refusedWith('token_signature', { host })
    expect({ refusal, leaks, received }).toEqual(expected)
  })
})

describe('a token that was accepted once', () => {
  const ask = (token: string, host = 'grades.test') =>
    world.ask({ target: '/courses', host, token }).then(codeOf)

  it('is accepted again', async () => {
    const token = world.issuer.token()
    expect([await ask(token), await ask(token)]).toEqual([200, 200])
  })

  it('is not accepted at another data source', async () => {
    const token = world.issuer.token()
    expect([await ask(token), await ask(token, 'exams.test')]).toEqual([200, 'token_audience'])
  })

  it('lends nothing to a token that differs in one character', async () => {
    const token = world.issuer.token()
    const [header, payload, signature = ''] = token.split('.')
    const others = [
      `${header}.${payload}.${flipped(-1)(signature)}`,
      `${header}.${b64(world.issuer.claims({ scope: 'read admin' }))}.${signature}`,
      `${token}=`,
      `${header}.${payload}.`,
    ]
    const seen = [await ask(token)]
    for (const other of others) seen.push(await ask(other))
    expect(seen).toEqual([
      200,
      'token_signature',
      'token_signature',
      'token_malformed',
      'token_malformed',
    ])
  })

  it('is refused once it has expired', async () => {
    const now = Math.floor(Date.now() / 1000)
    const token = world.issuer.token({ iat: now - 100, nbf: now - 100, exp: now - 3 })
    const before = await ask(token)
    await sleep(3500)
    expect([before, await ask(token)]).toEqual([200, 'token_expired'])
  })

  it('is refused once its key has left the key set', async () => {
    const { issuer } = world
    const token = issuer.token()
    const before = await ask(token)
    issuer.rotate('key-2')
    issuer.keys = issuer.keys.slice(1)
    const fetches = issuer.fetches
    while (issuer.fetches < fetches + 2) await sleep(20)
    const after = [await ask(token), await ask(issuer.token())]
    expect([before, ...after]).toEqual([200, 'token_key_unknown', 200])
  })

  it('is accepted on the next connection and the one after, by the same claims', async () => {
    const token = world.issuer.token()
    const passages = []
    for (let index = 0; index < 3; index += 1) {
      passages.push(await passageOf(world, { target: '/courses', host: 'grades.test', token }))
    }
    expect(passages).toEqual([PASSED, PASSED, PASSED])
  })
})
