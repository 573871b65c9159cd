import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { postAs } from '../local-stack/feide/support.ts'
import { BJORN, CATALOGUE, PLANNER } from '../local-stack/support.ts'
import { request, sendOne } from '../support/raw.ts'
import { headerOf } from '../support/upstream.ts'
import { CLIENT, type Stage, startStage } from './stage.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let on: Stage
beforeAll(async () => {
  on = await startStage({ exchange: CLIENT })
})
afterAll(() => on?.stop())
afterEach(() => on?.upstream.reset())

/** What the old gatekeeper was sent. */
const opaque = async (user?: string, client = PLANNER): Promise<string> => {
  const { body } = user
    ? await postAs(on.feide, client, { user }, '/_local/login')
    : await postAs(on.feide, client, { grant_type: 'client_credentials' })
  return String(body.access_token)
}
const ask = async (parts: Parameters<typeof request>[0], port = on.gateway.port) => {
  const answer = await sendOne(port, request(parts))
  const { code, detail } = JSON.parse(answer.body.toString()) as { code?: string; detail?: string }
  return { ...answer, code, detail }
}
const identity = () =>
  on.upstream.requests.map(each => ({
    user: headerOf(each, 'X-Dataporten-userid'),
    client: headerOf(each, 'X-Dataporten-clientid'),
  }))

describe('a caller with an opaque token, as the old gatekeeper took it', () => {
  test('is the user of the token', async () => {
    const { status } = await ask({ target: '/me', token: await opaque('bjorn') })
    expect({ status, identity: identity() }).toEqual({
      status: 200,
      identity: [{ user: [BJORN], client: [PLANNER.id] }],
    })
  })
  test('is a system where no user is behind the token', async () => {
    await ask({ target: '/me', token: await opaque() })
    expect(identity()).toEqual([{ user: [], client: [PLANNER.id] }])
  })
  test('never sends the opaque token on', async () => {
    const token = await opaque('bjorn')
    await ask({ target: '/me', token })
    expect(on.upstream.received).not.toContain(token)
  })
  test('is refused like any other where its JWT lacks a scope', async () => {
    const other = await startStage({ exchange: { ...CLIENT, scope: 'read' } })
    try {
      const { body } = await postAs(other.feide, PLANNER, { grant_type: 'client_credentials' })
      const token = String(body.access_token)
      const refused = await ask({ method: 'POST', target: '/courses', token }, other.gateway.port)
      expect({ status: refused.status, code: refused.code }).toEqual({
        status: 403,
        code: 'scope_missing',
      })
    } finally {
      await other.stop()
    }
  })
  test('is exchanged once, however many requests come at once', async () => {
    const token = await opaque('kari')
    const before = (await on.exchanges())['in success'] ?? 0
    await Promise.all(Array.from({ length: 20 }, () => ask({ target: '/me', token })))
    await ask({ target: '/courses', token })
    expect((await on.exchanges())['in success']).toBe(before + 1)
    expect(on.upstream.requests).toHaveLength(21)
  })
})

describe('a token that Feide does not exchange', () => {
  test.each([
    ['one that Feide never issued', async () => randomUUID()],
    ['one of a client with other credentials', () => opaque(undefined, CATALOGUE)],
  ])('%s: 401 with the reason, and Feide is not asked again', async (_, make) => {
    const token = await make()
    const first = await ask({ target: '/me', token })
    const refusals = (await on.exchanges())['in refused']
    const second = await ask({ target: '/me', token })
    expect({
      status: first.status,
      code: first.code,
      same: first.detail === second.detail,
    }).toEqual({
      status: 401,
      code: 'token_opaque',
      same: true,
    })
    expect(first.detail).toMatch(/^Feide does not exchange this opaque token for this API: .+/)
    expect(first.detail).not.toContain(token)
    expect((await on.exchanges())['in refused']).toBe(refusals)
    expect(on.upstream.requests).toEqual([])
  })
})

test('while Feide is away an opaque token is 503, and a known one goes on', async () => {
  const other = await startStage({ exchange: CLIENT })
  try {
    const { body } = await postAs(other.feide, PLANNER, { grant_type: 'client_credentials' })
    const known = String(body.access_token)
    const statusOf = async (token: string) => {
      const { status, code, headers } = await ask({ target: '/me', token }, other.gateway.port)
      return { status, code, retry: headers.find(([name]) => name === 'Retry-After')?.[1] }
    }
    expect(await statusOf(known)).toEqual({ status: 200, code: undefined, retry: undefined })
    await other.feide.close()
    expect(await statusOf(randomUUID())).toEqual({
      status: 503,
      code: 'exchange_unavailable',
      retry: '1',
    })
    expect(await statusOf(known)).toEqual({ status: 200, code: undefined, retry: undefined })
  } finally {
    await other.stop()
  }
})
