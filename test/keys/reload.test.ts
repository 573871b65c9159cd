import { afterAll, beforeAll, expect, it } from 'vitest'
import { policy } from '../support/policy.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ keys: { refresh: '10m' } })
})
afterAll(() => world?.stop())

it('the metrics say how many keys there are, where from, and how old', async () => {
  const text = await (await world.gateway.admin('/metrics')).text()
  expect(text).toContain('feide_gateway_key_set_keys{source="issuer"} 1\n')
  expect(text).toMatch(/^feide_gateway_key_set_age_seconds \d/m)
})

it('a reload keeps the keys of the same issuer, also while that is away', async () => {
  const { gateway, issuer, upstream } = world
  issuer.fail = 'down'
  gateway.writePolicy(policy({ issuer, upstream, keys: { refresh: '5m' } }))
  await gateway.waitForLog(({ msg }) => msg === 'policy reloaded')
  const answer = await world.ask({ target: '/me', token: issuer.token() })
  expect(answer.status).toBe(200)
})

it('a reload that names another place for the keys takes none along', async () => {
  const { gateway, issuer, upstream } = world
  const elsewhere = { url: issuer.url, jwksUri: `${issuer.url}/nowhere` }
  gateway.writePolicy(policy({ issuer: elsewhere, upstream }))
  await gateway.waitForLog(({ msg, hash }) => msg === 'policy reloaded' && hash !== undefined)
  await expect
    .poll(async () => (await world.ask({ target: '/me', token: issuer.token() })).status)
    .toBe(503)
})
