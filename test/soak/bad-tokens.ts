import { createHmac, createPublicKey, type KeyObject } from 'node:crypto'
import { type Claims, type Issuer, rsaKey, type SignOptions } from '../support/issuer.ts'
import type { Bearer } from './oracle.ts'
import type { Random } from './random.ts'
import { CLIENTS, SOURCES, type Source } from './sources.ts'
import type { Tokens } from './tokens.ts'

/** Tokens that are bad, each in one way, with the code that it must get (contract 3). */

type Bad = Exclude<Bearer, undefined> & { readonly code: string }
type Make = (overrides?: Claims, options?: SignOptions) => string

export function createBadTokens(
  issuer: Issuer,
  { good }: Tokens,
  random: Random,
): Readonly<Record<string, readonly Bad[]>> {
  const stranger = rsaKey('stranger')
  // They must not become bad in another way while a soak lasts.
  const exp = Math.floor(Date.now() / 1000) + 86_400
  return Object.fromEntries(
    SOURCES.map(source => {
      const make: Make = (overrides, options) =>
        issuer.token({ aud: source.audience, exp, ...overrides }, options)
      const texts = (good[source.id] ?? []).map(({ text }) => text)
      const bad = {
        ...claimed(source, make),
        token_malformed: malformed(issuer, make, random.pick(texts)),
        token_algorithm: wrongAlgorithm(issuer, make),
        token_signature: wrongSignature(make, texts, random, stranger),
        token_key_unknown: [make({}, { header: { kid: 'nobody' }, key: stranger.privateKey })],
        token_opaque: [
          'fdcdc0e9-15a5-4b39-9ed8-cb5f0b1a4ea5',
          'FDCDC0E9-15A5-4B39-9ED8-CB5F0B1A4EA5',
        ],
      }
      const list = Object.entries(bad).map(([code, some]) => some.map(text => ({ text, code })))
      return [source.id, list.flat()]
    }),
  )
}

function claimed({ audience }: Source, make: Make): Record<string, string[]> {
  const now = Math.floor(Date.now() / 1000)
  const other = SOURCES.find(source => source.audience !== audience)?.audience
  const all = (list: readonly Claims[]) => list.map(claims => make(claims))
  return {
    token_issuer: all([
      { iss: 'https://evil.example' },
      { iss: undefined },
      { iss: ['https://evil.example'] },
    ]),
    token_audience: all([
      { aud: other },
      { aud: undefined },
      { aud: [] },
      { aud: CLIENTS[0] },
      { aud: `${audience}/` },
      { aud: [audience, 7] },
    ]),
    token_expired: all([
      { iat: now - 400, exp: now - 100 },
      { iat: -9, exp: 0 },
    ]),
    token_not_yet_valid: all([{ nbf: now + 172_000 }, { iat: now + 172_000, exp: now + 172_300 }]),
    token_lifetime: all([{ exp: now + 173_000 }, { exp: (now + 300) * 1000 }]),
    token_claims: all([
      { exp: undefined },
      { exp: String(now + 300) },
      { iat: null },
      { sub: undefined },
      { sub: ['a', 'b'] },
      { sub: 'one,two' },
      { sub: '' },
      { sub: 'a\r\nX-Dataporten-Userid: b' },
      { client_id: undefined },
      { act: { sub: 'someone else' } },
      { cnf: { jkt: 'x' } },
      { scope: 7 },
      { scope: ['read admin'] },
    ]),
  }
}

function malformed(issuer: Issuer, make: Make, good: string): string[] {
  const [header = '', payload = '', signature = ''] = good.split('.')
  const twice = (text: string) => Buffer.from(text).toString('base64url')
  const kid = JSON.stringify(issuer.kid)
  return [
    'x',
    'a.b',
    `${good}.`,
    `${good}.${signature}`,
    `${good}==`,
    `.${payload}.${signature}`,
    `${header}.${payload}.`,
    good.slice(0, header.length + 20),
    `${header}.${payload}.${notCanonical(signature)}`,
    `${header}.${payload}.${signature}~`,
    `${header}.${twice('["a"]')}.${signature}`,
    make({}, { header: `{"alg":"RS256","alg":"RS256","kid":${kid}}` }),
    issuer.sign(`{"sub":"a",${JSON.stringify(issuer.claims()).slice(1)}`),
    make({}, { header: { typ: 'secevent+jwt' } }),
    make({}, { header: { crit: ['x'] } }),
    make({}, { header: { b64: false } }),
    make({}, { header: { kid: 7 } }),
    make({ padding: 'x'.repeat(13_000) }),
  ].filter(text => text !== good)
}

/** The same bytes, written with a bit set that does not count. */
function notCanonical(signature: string): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return signature.slice(0, -1) + digits[digits.indexOf(signature.slice(-1)) + 1]
}

function wrongAlgorithm(issuer: Issuer, make: Make): string[] {
  const pem = createPublicKey(issuer.privateKey).export({ format: 'pem', type: 'spki' })
  const [header = '', payload = ''] = make({}, { header: { alg: 'HS256' } }).split('.')
  const input = `${header}.${payload}`
  return [
    `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`,
    ...['none', 'NONE', 'rs256', 'RS512', 'ES256'].map(alg => make({}, { header: { alg } })),
    make({}, { header: { alg: undefined } }),
  ]
}

function wrongSignature(
  make: Make,
  texts: readonly string[],
  random: Random,
  stranger: { readonly privateKey: KeyObject; readonly jwk: object },
): string[] {
  const key = stranger.privateKey
  const relatives = Array.from({ length: 20 }, () => {
    const [one = '', other = ''] = [random.pick(texts), random.pick(texts.slice(1))]
    const [header = '', payload = '', signature = ''] = one.split('.')
    const [, otherPayload = '', otherSignature = ''] = other.split('.')
    const middle = 20 + random.below(250)
    const flipped = signature[middle] === 'A' ? 'B' : 'A'
    return one === other
      ? []
      : [
          `${header}.${payload}.${otherSignature}`,
          `${header}.${otherPayload}.${signature}`,
          `${header}.${payload}.${signature.slice(0, middle)}${flipped}${signature.slice(middle + 1)}`,
        ]
  })
  return [
    ...relatives.flat(),
    make({}, { key }),
    make({}, { key, header: { jwk: stranger.jwk } }),
    make({}, { key, header: { jku: 'http://127.0.0.1:1/', x5u: 'http://127.0.0.1:1/' } }),
  ]
}
