import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Running } from '../../../docker/local-stack/listen.ts'
import { type Gateway, startGateway } from '../../support/gateway.ts'
import { policy } from '../../support/policy.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'
import { AUDIENCE, EXCHANGE, eventually } from '../support.ts'
import { loggedIn, PORTAL, postAs, startDemo } from './support.ts'

let feide: Running
let upstream: Upstream
let gateway: Gateway
beforeAll(async () => {
  feide = await startDemo()
  upstream = await startUpstream()
  const keys = { unknownKidCooldown: '250ms' }
  gateway = await startGateway(policy({ issuer: feide.url, upstream, keys }))
})
afterAll(async () => {
  await gateway?.stop()
  await upstream?.close()
  await feide?.close()
})

const jwt = async (): Promise<string> => {
  const subject_token = await loggedIn(feide, 'openid gk_grades gk_grades_read')
  const form = { ...EXCHANGE, subject_token, audience: AUDIENCE }
  return String((await postAs(feide, PORTAL, form)).body.access_token)
}

const statusWith = async (token: string): Promise<number> => {
  const headers = { Authorization: `Bearer ${token}` }
  return (await gateway.fetch('/courses', { headers })).status
}

test('a gateway lets a login through to the API, before a rotation and after', async () => {
  const before = await jwt()
  expect(await eventually(async () => (await statusWith(before)) === 200)).toBe(true)
  await fetch(`${feide.url}/_local/rotate`, { method: 'POST' })
  const after = await jwt()
  expect(await eventually(async () => (await statusWith(after)) === 200)).toBe(true)
  expect(await statusWith(before)).toBe(200)
})

test('a gateway refuses what a dropped key signed, once it has seen the new one', async () => {
  const before = await jwt()
  expect(await eventually(async () => (await statusWith(before)) === 200)).toBe(true)
  await fetch(`${feide.url}/_local/rotate?drop=true`, { method: 'POST' })
  const after = await jwt()
  expect(await eventually(async () => (await statusWith(after)) === 200)).toBe(true)
  expect(await statusWith(before)).toBe(401)
})
