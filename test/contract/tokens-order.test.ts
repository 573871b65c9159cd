import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_ID, type Claims, rsaKey, type SignOptions, USER_ID } from '../support/issuer.ts'
import { type Code, codeOf } from '../support/refusal.ts'
import { startWorld, type World } from '../support/world.ts'

const stranger = rsaKey('stranger')
const OTHER_CLIENT = 'c2bf0a46-6c8b-4a3c-9d4e-3f1d7b1c5a11'
const now = (seconds: number) => Math.floor(Date.now() / 1000) + seconds

let world: World
beforeAll(async () => {
  world = await startWorld({
    // Any unknown kid is looked up, so that a look-up too many would show.
    keys: { unknownKidCooldown: '1ms' },
    dataSources: {
      grades: {
        routes: {
          'GET /strict': { scopes: ['admin'], principal: 'system', clients: [CLIENT_ID] },
        },
      },
    },
  })
})
afterAll(() => world.stop())

type Fault = {
  readonly name: string
  readonly code: Code
  readonly claims?: () => Claims
  readonly header?: Record<string, unknown>
  readonly key?: SignOptions['key']
}

/** One fault for each check, in the order in which a token is to be checked. */
const FAULTS: Fault[] = [
  { name: 'a wrong algorithm', code: 'token_algorithm', header: { alg: 'RS384' } },
  { name: 'a wrong typ', code: 'token_malformed', header: { typ: 'logout+jwt' } },
  { name: 'a wrong issuer', code: 'token_issuer', claims: () => ({ iss: 'https://e.example' }) },
  { name: 'a wrong audience', code: 'token_audience', claims: () => ({ aud: 'other' }) },
  { name: 'an nbf that is no number', code: 'token_claims', claims: () => ({ nbf: 'soon' }) },
  { name: 'an exp in the past', code: 'token_expired', claims: () => ({ exp: now(-60) }) },
  { name: 'an nbf in the future', code: 'token_not_yet_valid', claims: () => ({ nbf: now(60) }) },
  { name: 'too long a life', code: 'token_lifetime', claims: () => ({ iat: now(-86_400) }) },
  { name: 'a bound key', code: 'token_claims', claims: () => ({ cnf: { jkt: 'x' } }) },
  { name: 'an unknown kid', code: 'token_key_unknown', header: { kid: 'unknown' } },
  { name: 'a foreign signature', code: 'token_signature', key: stranger.privateKey },
  { name: 'too few scopes', code: 'scope_missing', claims: () => ({ scope: 'read' }) },
  { name: 'a user', code: 'system_required', claims: () => ({ sub: USER_ID }) },
  {
    name: 'a client that is not listed',
    code: 'client_not_allowed',
    claims: () => ({ client_id: OTHER_CLIENT, act: { sub: OTHER_CLIENT }, sub: OTHER_CLIENT }),
  },
]

/** The last cheap check; none before it may cost a look-up of keys. */
const CHEAP = FAULTS.findIndex(fault => fault.code === 'token_key_unknown')

const PAIRS = FAULTS.flatMap((first, index) =>
  FAULTS.slice(index + 1).map(second => ({
    name: `${first.name} is told before ${second.name}`,
    faults: [first, second],
    code: first.code,
    cheap: index < CHEAP,
  })),
)

/** A token with all of these faults; where two need the same claim, the first has it. */
function faulty(faults: readonly Fault[]): string {
  const [claims, header] = [{}, {}]
  for (const fault of [...faults].reverse()) {
    Object.assign(claims, fault.claims?.())
    Object.assign(header, fault.header)
  }
  const key = faults.find(fault => fault.key !== undefined)?.key
  return world.issuer.systemToken(
    { scope: 'admin', ...claims },
    key === undefined ? { header } : { header, key },
  )
}

async function ask(faults: readonly Fault[]) {
  world.upstream.reset()
  const before = world.issuer.fetches
  const answer = await world.ask({ target: '/strict', token: faulty(faults) })
  const fetched = world.issuer.fetches > before
  return { code: codeOf(answer), fetched, received: world.upstream.received }
}

describe('a token is checked in one order', () => {
  it('one without fault is accepted', async () => {
    expect(await ask([])).toMatchObject({ code: 200 })
  })

  it.each(FAULTS)('$name alone is refused as $code', async fault => {
    expect(await ask([fault])).toMatchObject({ code: fault.code, received: '' })
  })

  it.each(PAIRS)('$name', async ({ faults, code, cheap }) => {
    const { fetched, ...seen } = await ask(faults)
    expect(seen).toEqual({ code, received: '' })
    if (cheap) expect(fetched).toBe(false)
  })

  it('all of them at once: the first is told', async () => {
    expect(await ask(FAULTS)).toEqual({ code: 'token_algorithm', fetched: false, received: '' })
  })
})

describe('no key is fetched for a token that fails a cheap check', () => {
  const unknown: Fault = FAULTS[CHEAP] as Fault

  it('the same kid on a token without other faults is looked up', async () => {
    expect(await ask([unknown])).toEqual({ code: 'token_key_unknown', fetched: true, received: '' })
  })

  it.each(FAULTS.slice(0, CHEAP))('with $name', async fault => {
    const seen = await ask([fault, unknown])
    expect(seen).toEqual({ code: fault.code, fetched: false, received: '' })
  })

  const FORMS: [string, Code, (token: string) => string][] = [
    ['no signature', 'token_malformed', token => token.replace(/[^.]+$/, '')],
    ['padding', 'token_malformed', token => `${token}==`],
    ['a length above 16 KiB', 'token_malformed', token => token + 'A'.repeat(16_384)],
    ['a UUID in its place', 'token_opaque', () => 'a3ef17b9-0f39-4dd1-8a53-a6ac1f7e2f28'],
  ]

  it.each(FORMS)('with %s', async (_name, code, change) => {
    const before = world.issuer.fetches
    const answer = await world.ask({ target: '/strict', token: change(faulty([unknown])) })
    expect({ code: codeOf(answer), fetches: world.issuer.fetches - before }).toEqual({
      code,
      fetches: 0,
    })
  })
})

describe('before the token comes the route', () => {
  const bad = 'rubbish'

  it.each([
    ['a path that no route has', { target: '/nowhere', token: bad }, 'route_unknown'],
    [
      'a method that no route has',
      { method: 'PUT', target: '/strict', token: bad },
      'method_not_allowed',
    ],
    ['a path with two readings', { target: '/a/../strict', token: bad }, 'path_ambiguous'],
  ] as const)('%s is told before a bad token', async (_name, parts, code) => {
    expect(codeOf(await world.ask(parts))).toBe(code)
  })
})
