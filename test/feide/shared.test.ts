import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { jwtFor } from '../local-stack/feide/support.ts'
import { eventually } from '../local-stack/support.ts'
import type { Gateway } from '../support/gateway.ts'
import { request, sendOne } from '../support/raw.ts'
import { type Redis, startRedis } from '../support/redis.ts'
import { headerOf } from '../support/upstream.ts'
import { API, type Stage, startBeside, startStage } from './stage.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let redis: Redis
let on: Stage
let other: Gateway
const stored = async () => {
  const keys = await redis.cli('keys', '*exchanged:*')
  return keys === '' ? [] : keys.split('\n')
}
const dataSource = { headers: { token: API } }
beforeAll(async () => {
  redis = await startRedis()
  const settings = { redis: { url: redis.url, secret: 'shared between gateways' } }
  on = await startStage(dataSource, settings)
  other = await startBeside(on, dataSource, settings)
})
afterAll(async () => {
  await other?.stop()
  await on?.stop()
  await redis?.close()
})

test('gateways with one Redis exchange a JWT once between them, and store no token in the clear', async () => {
  const token = await jwtFor(on.feide, 'bjorn')
  await sendOne(on.gateway.port, request({ target: '/me', token }))
  expect(await eventually(async () => (await stored()).length === 1)).toBe(true)
  await sendOne(other.port, request({ target: '/me', token }))
  const [first, second] = on.upstream.requests.map(each => headerOf(each, 'X-Dataporten-token'))
  expect(second).toEqual(first)
  expect([await on.exchanges(), await on.exchanges(other)]).toEqual([{ 'out success': 1 }, {}])
  const [key = ''] = await stored()
  const value = await redis.cli('get', key)
  for (const secret of [token, ...(first ?? [])]) expect(key + value).not.toContain(secret)
})

test('a stored token that somebody else wrote is not sent to the API', async () => {
  const token = await jwtFor(on.feide, 'kari')
  await sendOne(on.gateway.port, request({ target: '/me', token }))
  const forged = JSON.stringify({ token: 'forged', expiresAt: Date.now() + 60_000 })
  for (const key of await stored()) {
    await redis.cli('set', key, Buffer.from(forged).toString('base64url'))
  }
  on.upstream.reset()
  await sendOne(other.port, request({ target: '/me', token }))
  expect(on.upstream.received).not.toContain('forged')
  expect(await on.exchanges(other)).toEqual({ 'out success': 1 })
})
