import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Issuer } from '../support/issuer.ts'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

/** Good JSON text of a header or payload, changed into something else. */
type Change = (json: string) => string | Buffer

const member =
  (text: string): Change =>
  json =>
    json.replace(/}$/, `,${text}}`)

const NO_OBJECT: [string, Change][] = [
  ['no JSON', () => 'rubbish'],
  ['empty JSON text', () => ' '],
  ['a list', json => `[${json}]`],
  ['an empty list', () => '[]'],
  ['null', () => 'null'],
  ['a number', () => '7'],
  ['a string', json => JSON.stringify(json)],
  ['an object and more', json => `${json}x`],
  ['two objects', json => json + json],
  ['an object that ends too early', json => json.slice(0, -1)],
  ['an object after a byte order mark', json => `\ufeff${json}`],
  ['an object with a comment', json => `${json}/* */`],
  ['an object with a comma too many', json => json.replace(/}$/, ',}')],
  ['an object with single quotes', json => json.replaceAll('"', "'")],
  ['an object with NaN', member('"x":NaN')],
  ['an object with Infinity', member('"x":Infinity')],
  ['an object with a raw line feed in a string', member('"x":"a\nb"')],
  ['an object with a raw NUL in a string', member('"x":"a\0b"')],
  ['bytes that are not UTF-8', json => Buffer.from(member('"x":"\xff"')(json) as string, 'latin1')],
  ['overlong UTF-8', json => Buffer.from(member('"x":"\xc0\xaf"')(json) as string, 'latin1')],
  ['UTF-16', json => Buffer.from(json, 'utf16le')],
  ['a member twice', member('"x":1,"x":1')],
  ['a member twice, once with an escape in its name', member('"xy":1,"x\\u0079":2')],
  ['a member twice in an inner object', member('"x":{"y":1,"y":2}')],
  ['a member twice in an object in a list', member('"x":[{"y":1,"y":2}]')],
  ['__proto__ twice', member('"__proto__":1,"__proto__":2')],
]

const CASES = NO_OBJECT.flatMap(([name, change]) => [
  {
    name: `a header that is ${name}`,
    make: (issuer: Issuer) =>
      issuer.signText(
        [
          Buffer.from(change(JSON.stringify({ alg: 'RS256', kid: issuer.kid }))),
          Buffer.from(JSON.stringify(issuer.claims())),
        ]
          .map(bytes => bytes.toString('base64url'))
          .join('.'),
      ),
  },
  {
    name: `a payload that is ${name}`,
    make: (issuer: Issuer) => issuer.sign(change(JSON.stringify(issuer.claims()))),
  },
])

const TWICE: { name: string; make: (issuer: Issuer) => string }[] = [
  {
    name: 'a second alg',
    make: issuer =>
      issuer.sign(issuer.claims(), {
        header: `{"alg":"none","alg":"RS256","kid":"${issuer.kid}"}`,
      }),
  },
  {
    name: 'a second sub',
    make: issuer => issuer.sign(member('"sub":"someone-else"')(JSON.stringify(issuer.claims()))),
  },
  {
    name: 'a second scope, spelt with an escape',
    make: issuer => issuer.sign(member('"sc\\u006fpe":"admin"')(JSON.stringify(issuer.claims()))),
  },
  {
    name: 'a second act.sub',
    make: issuer =>
      issuer.sign(
        JSON.stringify(issuer.claims()).replace('"act":{', '"act":{"sub":"someone-else",'),
      ),
  },
]

describe('header and payload are JSON objects without duplicate members', () => {
  it.each([...CASES, ...TWICE])('$name is malformed', async ({ make }) => {
    const outcome = await outcomeOf(world, { target: '/courses', token: make(world.issuer) })
    expect(outcome).toEqual(refusedWith('token_malformed'))
  })

  it('names that differ only in case are two members', async () => {
    const token = world.issuer.token({ SUB: 'x', Scope: 'admin', AUD: 'y' })
    expect(await passageOf(world, { target: '/courses', token })).toEqual(PASSED)
  })

  it('white space and escapes in the JSON are fine', async () => {
    const text = JSON.stringify(world.issuer.claims(), null, '\t').replace('"sub"', '"s\\u0075b"')
    const token = world.issuer.sign(text)
    expect(await passageOf(world, { target: '/courses', token })).toEqual(PASSED)
  })
})

describe('a member called __proto__ is a member like any other', () => {
  it('lends no audience to a token without one', async () => {
    const claims = JSON.stringify(world.issuer.claims({ aud: undefined }))
    const aud = JSON.stringify({ aud: world.issuer.claims().aud })
    const token = world.issuer.sign(member(`"__proto__":${aud}`)(claims))
    const outcome = await outcomeOf(world, { target: '/courses', token })
    expect(outcome).toEqual(refusedWith('token_audience'))
  })

  it('lends no algorithm to a header without one', async () => {
    const header = `{"kid":"${world.issuer.kid}","__proto__":{"alg":"RS256"}}`
    const token = world.issuer.sign(world.issuer.claims(), { header })
    const outcome = await outcomeOf(world, { target: '/courses', token })
    expect(outcome).toEqual(refusedWith('token_algorithm'))
  })
})

describe('deep JSON breaks nothing', () => {
  const DEEP: [string, string][] = [
    ['lists', `${'['.repeat(4000)}${']'.repeat(4000)}`],
    ['objects', `${'{"a":'.repeat(1500)}1${'}'.repeat(1500)}`],
  ]

  it.each(DEEP)('%s within each other get an answer about the token', async (_name, deep) => {
    const token = world.issuer.sign(member(`"x":${deep}`)(JSON.stringify(world.issuer.claims())))
    const answer = await world.ask({ target: '/courses', token })
    expect([200, 401]).toContain(answer.status)
  })

  it.each(DEEP)('%s that are never closed are malformed', async (_name, deep) => {
    const half = `{"x":${deep.slice(0, deep.length / 2)}`
    const outcome = await outcomeOf(world, { target: '/courses', token: world.issuer.sign(half) })
    expect(outcome).toEqual(refusedWith('token_malformed'))
  })
})
