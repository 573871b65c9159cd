import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_ID, USER_ID } from '../support/issuer.ts'
import { outcomeOf, PASSED, passageOf, refusedWith } from '../support/outcome.ts'
import { startWorld, type World } from '../support/world.ts'

const OTHER_CLIENT = 'c2bf0a46-6c8b-4a3c-9d4e-3f1d7b1c5a11'

let world: World
beforeAll(async () => {
  world = await startWorld({
    dataSources: {
      grades: {
        routes: {
          'GET /one': { scopes: ['read'] },
          'GET /user': { scopes: ['read'], principal: 'user' },
          'GET /system': { scopes: ['read'], principal: 'system' },
          'GET /whoever': { scopes: ['read'], principal: 'any' },
          'GET /client': { scopes: ['read'], clients: [OTHER_CLIENT, CLIENT_ID] },
          'GET /others': { scopes: ['read'], clients: [OTHER_CLIENT] },
        },
      },
    },
  })
})
afterAll(() => world.stop())

describe('principal', () => {
  it.each([
    ['/user', 'a user'],
    ['/whoever', 'a user'],
    ['/one', 'a user'],
    ['/client', 'a user'],
    ['/system', 'a system'],
    ['/whoever', 'a system'],
    ['/one', 'a system'],
    ['/client', 'a system'],
  ])('%s is open to %s', async (target, who) => {
    const { issuer } = world
    const token = who === 'a user' ? issuer.token() : issuer.systemToken({ scope: 'read' })
    expect(await passageOf(world, { target, token })).toEqual(PASSED)
  })

  it('a user is refused where a system is asked for', async () => {
    const outcome = await outcomeOf(world, { target: '/system', token: world.issuer.token() })
    expect(outcome).toEqual(refusedWith('system_required'))
  })

  it('a system is refused where a user is asked for', async () => {
    const token = world.issuer.systemToken()
    const outcome = await outcomeOf(world, { target: '/user', token })
    expect(outcome).toEqual(refusedWith('user_required'))
  })

  it('a token with a name and a Feide id is a system as long as sub is the client', async () => {
    const token = world.issuer.token({ sub: CLIENT_ID })
    const outcome = await outcomeOf(world, { target: '/user', token })
    expect(outcome).toEqual(refusedWith('user_required'))
  })

  it('a sub that differs from the client in case alone is a user', async () => {
    const token = world.issuer.token({ sub: CLIENT_ID.toUpperCase() })
    const outcome = await outcomeOf(world, { target: '/system', token })
    expect(outcome).toEqual(refusedWith('system_required'))
  })
})

describe('clients', () => {
  it('a client that is not listed is refused', async () => {
    const outcome = await outcomeOf(world, { target: '/others', token: world.issuer.token() })
    expect(outcome).toEqual(refusedWith('client_not_allowed'))
  })

  it.each([
    ['a user whose id is listed', { sub: OTHER_CLIENT }],
    ['an azp that is listed', { azp: OTHER_CLIENT, cid: OTHER_CLIENT }],
    ['a client that begins alike', { client_id: `${OTHER_CLIENT}0` }],
  ])('%s is not the client', async (_name, claims) => {
    const token = world.issuer.token(claims)
    const outcome = await outcomeOf(world, { target: '/others', token })
    expect(outcome).toEqual(refusedWith('client_not_allowed'))
  })

  it('a client that is listed gets through for its users', async () => {
    const token = world.issuer.token({ client_id: OTHER_CLIENT, sub: USER_ID })
    expect(await passageOf(world, { target: '/others', token })).toEqual(PASSED)
  })
})
