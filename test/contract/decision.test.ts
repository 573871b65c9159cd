import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({
    dataSources: {
      grades: {
        headers: { scopes: { rename: { readall: 'read' }, drop: ['basic'] } },
        routes: {
          'GET /one': { scopes: ['read'] },
          'GET /all': { scopes: ['read', 'append'] },
          'GET /any': { scopes: { anyOf: ['read', ['audit', 'list']] } },
          'GET /lists': {
            scopes: {
              anyOf: [
                ['a', 'b', 'c'],
                ['d', 'e'],
              ],
            },
          },
          'GET /basic': { scopes: ['basic'] },
          'GET /me': 'authenticated',
        },
      },
    },
  })
})
afterAll(() => world.stop())

type Scope = string | string[] | undefined

const ENOUGH: [string, Scope][] = [
  ['/one', 'read'],
  ['/one', 'append read'],
  ['/one', ['read']],
  ['/all', 'read append'],
  ['/all', 'append more read'],
  ['/all', ['append', 'read']],
  ['/any', 'read'],
  ['/any', 'audit list'],
  ['/any', 'list other audit'],
  ['/any', 'read audit'],
  ['/lists', 'a b c'],
  ['/lists', 'e d'],
  ['/basic', 'basic'],
  ['/me', undefined],
  ['/me', ''],
  ['/me', 'whatever'],
]

describe('a token with the scopes of the route gets through', () => {
  it.each(ENOUGH)('%s with %j', async (target, scope) => {
    const token = world.issuer.token({ scope })
    expect(await passageOf(world, { target, token })).toEqual(PASSED)
  })
})

/** The last column: what the challenge asks for. */
const TOO_FEW: [string, Scope, string][] = [
  ['/one', undefined, 'read'],
  ['/one', '', 'read'],
  ['/one', [], 'read'],
  ['/one', 'append', 'read'],
  ['/all', 'read', 'read append'],
  ['/all', 'append', 'read append'],
  ['/any', undefined, 'read'],
  ['/any', 'append', 'read'],
  ['/lists', 'a b', 'a b c'],
  ['/lists', 'b x c', 'a b c'],
  ['/lists', 'd', 'd e'],
  ['/lists', '', 'd e'],
  ['/lists', 'a d', 'd e'],
]

describe('a token without them is refused, and told the nearest alternative', () => {
  it.each(TOO_FEW)('%s with %j', async (target, scope, wanted) => {
    const token = world.issuer.token({ scope })
    const outcome = await outcomeOf(world, { target, token })
    expect(outcome).toEqual(refusedWith('scope_missing', { scope: wanted }))
  })

  it('one scope of an inner list does not do', async () => {
    for (const scope of ['audit', 'list']) {
      const answer = await world.ask({ target: '/any', token: world.issuer.token({ scope }) })
      expect(answer.status).toBe(403)
    }
  })
})

const NOT_READ: [string, Scope][] = [
  ['in other case', 'Read'],
  ['in upper case', 'READ'],
  ['with more after it', 'reading'],
  ['with something before it', 'xread'],
  ['with a part of it missing', 'rea'],
  ['with a suffix behind a colon', 'read:all'],
  ['with a path behind it', 'read/all'],
  ['as a wildcard', '*'],
  ['as a pattern', 'rea*'],
  ['as a regular expression', '.*|read'],
  ['in a list with commas', 'read,append'],
  ['in a list with tabs', 'read\tappend'],
  ['in a list with line feeds', 'read\nappend'],
  ['in a list with no-break spaces', 'read\u00a0append'],
  ['in quotes', '"read"'],
  ['in wide letters', 'ｒｅａｄ'],
  ['with a soft hyphen', 're\u00adad'],
  ['under a name that the upstream will see as read', 'readall'],
  ['as a percent-encoding', '%72ead'],
  ['as a member of every object', 'constructor toString __proto__'],
]

describe('scopes are compared exactly', () => {
  it.each(NOT_READ)('read %s is not read', async (_name, scope) => {
    const token = world.issuer.token({ scope })
    const outcome = await outcomeOf(world, { target: '/one', token })
    expect(outcome).toEqual(refusedWith('scope_missing', { scope: 'read' }))
  })
})
