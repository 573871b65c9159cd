import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { b64, type Issuer } from '../support/issuer.ts'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

type Make = (issuer: Issuer) => string
type Change = (part: string) => string

/** Changes one part of a good token; header and payload are signed in their changed form. */
function changed(index: number, change: Change): Make {
  return issuer => {
    const text = `${JSON.stringify(issuer.claims({ name: '>>>>>>' }))} `
    const padded = text.padEnd(text.length + ((4 - (Buffer.byteLength(text) % 3)) % 3))
    const parts = [b64(`{"alg":"RS256","typ":"JWT","kid":"${issuer.kid}" } `), b64(padded)]
    if (index === 2) return issuer.signText(parts.join('.')).replace(/[^.]+$/, change)
    parts[index] = change(parts[index] ?? '')
    return issuer.signText(parts.join('.'))
  }
}

/** Sets a bit of the last character that carries no data. */
function loosened(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  if (part.length % 4 === 0) throw new Error('this part has no spare bits')
  return part.slice(0, -1) + alphabet[alphabet.indexOf(part.at(-1) ?? '') + 1]
}

const standardAlphabet = (part: string) => part.replaceAll('-', '+').replaceAll('_', '/')

const LAX: [string, Change][] = [
  ['padded with =', part => part.padEnd(part.length + 4 - (part.length % 4), '=')],
  ['ending in one =', part => `${part}=`],
  ['with spare bits set', loosened],
  ['with a character too many', part => part + 'A'.repeat((5 - (part.length % 4)) % 4)],
  ['with a percent sign in it', part => `${part.slice(0, 4)}%${part.slice(4)}`],
  ['with an exclamation mark in it', part => `${part.slice(0, 4)}!${part.slice(4)}`],
  ['with a byte beyond ASCII in it', part => `${part.slice(0, 4)}\xe9${part.slice(4)}`],
  ['empty', () => ''],
]

const ENCODINGS = [0, 1, 2].flatMap(index =>
  LAX.map(([name, change]) => ({
    name: `${['header', 'payload', 'signature'][index]} ${name}`,
    make: changed(index, change),
  })),
)

const PARTS: { name: string; make: Make }[] = [
  { name: 'a word', make: () => 'rubbish' },
  { name: 'a single dot', make: () => '.' },
  { name: 'two dots', make: () => '..' },
  { name: 'one part', make: issuer => issuer.token().split('.')[0] ?? '' },
  { name: 'two parts', make: issuer => issuer.token().split('.').slice(0, 2).join('.') },
  { name: 'four parts', make: issuer => `${issuer.token()}.${b64('more')}` },
  { name: 'a dot at the end', make: issuer => `${issuer.token()}.` },
  { name: 'a dot at the beginning', make: issuer => `.${issuer.token()}` },
  { name: 'the five parts of an encrypted token', make: issuer => `${issuer.token()}.AA.AA` },
  {
    name: 'a payload in the alphabet of plain base64',
    make: changed(1, standardAlphabet),
  },
  {
    name: 'a signature in the alphabet of plain base64',
    make: changed(2, part => standardAlphabet(part.replace(/^./, '-'))),
  },
]

describe('a bearer is malformed unless it is three canonical base64url parts', () => {
  it.each([...PARTS, ...ENCODINGS])('$name', async ({ make }) => {
    const outcome = await outcomeOf(world, { target: '/courses', token: make(world.issuer) })
    expect(outcome).toEqual(refusedWith('token_malformed'))
  })

  it('the same parts in canonical form are accepted', async () => {
    const token = changed(1, part => part)(world.issuer)
    expect(await passageOf(world, { target: '/courses', token })).toEqual(PASSED)
  })
})

/** Length of the whole token brought to `length` by a claim that nobody reads. */
function sized(length: number): Make {
  return issuer => {
    for (let spare = 0; spare < 4; spare += 1) {
      const header = { alg: 'RS256', kid: issuer.kid, spare: 'x'.repeat(spare) }
      const size = (padding: number) =>
        issuer.sign(issuer.claims({ padding: 'x'.repeat(padding) }), { header })
      let padding = Math.floor(((length - size(0).length) * 3) / 4) - 2
      while (size(padding).length < length) padding += 1
      if (size(padding).length === length) return size(padding)
    }
    throw new Error('no token of this length')
  }
}

describe('a bearer has at most 16 KiB', () => {
  it('one of 16384 characters is accepted', async () => {
    const token = sized(16384)(world.issuer)
    expect(await passageOf(world, { target: '/courses', token })).toEqual(PASSED)
  })

  it('one of 16385 characters is malformed', async () => {
    const token = sized(16385)(world.issuer)
    const outcome = await outcomeOf(world, { target: '/courses', token })
    expect(outcome).toEqual(refusedWith('token_malformed'))
  })
})
