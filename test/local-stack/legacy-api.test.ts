import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLegacyApi } from '../../docker/local-stack/legacy-api.ts'
import type { Running } from '../../docker/local-stack/listen.ts'
import { BJORN, basic, PLANNER } from './support.ts'

const PASSWORD = '30d63d9b-3574-4832-be37-0c93121fca21'
const GATEKEEPER = { Authorization: basic({ id: 'dataporten', secret: PASSWORD }) }
const SYSTEM = {
  ...GATEKEEPER,
  'X-Dataporten-gatekeeper': 'grades',
  'X-Dataporten-clientid': PLANNER.id,
  'X-Dataporten-scopes': 'append,read',
}
const USER = {
  ...SYSTEM,
  'X-Dataporten-userid': BJORN,
  'X-Dataporten-userid-sec': 'feide:bjorn@example.no',
}

let api: Running
beforeAll(async () => {
  api = await startLegacyApi({ port: 0, password: PASSWORD })
})
afterAll(() => api.close())

type Init = { method?: string; headers?: Record<string, string>; body?: string }
const call = async (path: string, init: Init = {}) => {
  const response = await fetch(`${api.url}${path}`, init)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

test('a system request is answered as in the README of the package', async () => {
  expect(await call('/courses', { headers: SYSTEM })).toEqual({
    status: 200,
    body: {
      message: 'hooray! welcome to our api!',
      youMustBe: null,
      alsoKnownAs: null,
      accessingUsingThisClient: PLANNER.id,
      withTheseSubScopes: ['append', 'read'],
      received: {
        'x-dataporten-gatekeeper': 'grades',
        'x-dataporten-clientid': PLANNER.id,
        'x-dataporten-scopes': 'append,read',
      },
      courses: [
        { id: 'inf1000', title: 'Programming' },
        { id: 'mat1100', title: 'Calculus' },
      ],
    },
  })
})

test('a user request names the user', async () => {
  const { status, body } = await call('/me', {
    headers: { ...USER, 'X-User-Name': 'Bj%C3%B8rn%20Gr%C3%B8n%C3%A5s' },
  })
  expect(status).toBe(200)
  expect(body).toMatchObject({
    youMustBe: BJORN,
    alsoKnownAs: ['feide:bjorn@example.no'],
    name: 'Bjørn Grønås',
  })
})

test('the credentials of the gatekeeper are not shown to callers', async () => {
  const { body } = await call('/me', { headers: USER })
  expect(JSON.stringify(body)).not.toContain(GATEKEEPER.Authorization)
})

test('one course, and none', async () => {
  const found = await call('/courses/inf1000', { headers: SYSTEM })
  expect(found.body.course).toEqual({ id: 'inf1000', title: 'Programming' })
  expect((await call('/courses/none', { headers: SYSTEM })).status).toBe(404)
})

describe('POST /courses', () => {
  const body = JSON.stringify({ title: 'Botany' })
  const headers = { 'Content-Type': 'application/json' }

  test('adds a course for a user', async () => {
    const added = await call('/courses', { method: 'POST', headers: { ...USER, ...headers }, body })
    expect(added.status).toBe(201)
    expect(added.body.course).toMatchObject({ title: 'Botany' })
  })

  test('fails for a system, as policy() of the package does', async () => {
    const init = { method: 'POST', headers: { ...SYSTEM, ...headers }, body }
    const { status, body: answer } = await call('/courses', init)
    expect(status).toBe(500)
    expect(answer.message).toMatch(/on behalf of an authenticated end user/)
  })

  test('asks for a title', async () => {
    const init = { method: 'POST', headers: { ...USER, ...headers }, body: '{}' }
    expect((await call('/courses', init)).status).toBe(400)
  })
})

test.each([
  ['no credentials', {}],
  ['a wrong password', { Authorization: basic({ id: 'dataporten', secret: 'wrong' }) }],
  ['another user', { Authorization: basic({ id: 'feideconnect', secret: PASSWORD }) }],
  ['a bearer token', { Authorization: `Bearer ${PASSWORD}` }],
])('%s is a 500 of the package', async (_, headers) => {
  const { Authorization: _right, ...identity } = USER
  const { status, body } = await call('/courses', { headers: { ...identity, ...headers } })
  expect(status).toBe(500)
  expect(body.message).toMatch(/Missing Authorization|not propertly authenticated/)
})

test('/health asks for nothing', async () => {
  expect(await call('/health')).toEqual({ status: 200, body: { status: 'ok' } })
})

test('everything under /admin answers, with any method', async () => {
  for (const [method, path] of [
    ['GET', '/admin'],
    ['DELETE', '/admin/a/b'],
  ] as const)
    expect((await call(path, { method, headers: SYSTEM })).status).toBe(200)
})

test('a preflight is answered without credentials', async () => {
  const response = await fetch(`${api.url}/courses`, { method: 'OPTIONS' })
  expect(response.status).toBe(204)
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(response.headers.get('access-control-allow-headers')).toContain('Authorization')
})
