import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Running } from '../../../docker/local-stack/listen.ts'
import { type Gateway, startGateway } from '../../support/gateway.ts'
import { policy } from '../../support/policy.ts'
import { headerOf, startUpstream, type Upstream } from '../../support/upstream.ts'
import { AUDIENCE, BJORN, EXCHANGE, eventually, freePorts, PATIENT, run } from '../support.ts'
import {
  choose,
  GRADES_API,
  get,
  locationOf,
  loggedIn,
  PORTAL,
  postAs,
  startDemo,
  ticketIn,
} from './support.ts'

vi.setConfig(PATIENT)

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

test('a gateway sends the API a token with which it can ask Feide about the user', async () => {
  const token = { clientId: GRADES_API.id, clientSecret: GRADES_API.secret, scope: 'openid groups' }
  const grades = { headers: { token: { ...token, failure: 'required' } } }
  const asking = await startGateway(
    policy({ issuer: feide.url, upstream, dataSources: { grades } }),
  )
  try {
    const headers = { Authorization: `Bearer ${await jwt()}` }
    const call = async () => (await asking.fetch('/courses', { headers })).status
    expect(await eventually(async () => (await call()) === 200)).toBe(true)
    const [opaque = ''] = upstream.requests
      .slice(-1)
      .flatMap(request => headerOf(request, 'x-dataporten-token'))
    expect((await get(`${feide.url}/openid/userinfo`, opaque)).body).toEqual({ sub: BJORN })
    expect((await get(`${feide.url}/groups/me/groups`, opaque)).status).toBe(200)
  } finally {
    await asking.stop()
  }
})

test('a person gets a token for the terminal by logging in at the stand-in', async () => {
  const [port = 0] = await freePorts(1)
  const child = run(
    process.execPath,
    [
      ...['gateway/main.ts', 'token', '--issuer', feide.url, '--client-id', PORTAL.id],
      ...['--audience', AUDIENCE, '--login', '--redirect-port', String(port)],
    ],
    { FEIDE_CLIENT_SECRET: PORTAL.secret },
  )
  try {
    const address = () => /http:\S+/.exec(child.stderr())?.[0] ?? ''
    expect(await eventually(() => address() !== '')).toBe(true)
    const page = await (await fetch(address())).text()
    const sent = await choose(feide, { ticket: ticketIn(page), user: 'bjorn' })
    expect((await fetch(locationOf(sent))).status).toBe(200)
    expect((await child.exited).code).toBe(0)
    expect(await statusWith(child.stdout().trim())).toBe(200)
  } finally {
    child.child.kill('SIGKILL')
  }
})
