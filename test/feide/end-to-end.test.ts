import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startFeide } from '../../docker/local-stack/feide.ts'
import { startLegacyApi } from '../../docker/local-stack/legacy-api.ts'
import type { Running } from '../../docker/local-stack/listen.ts'
import { postAs } from '../local-stack/feide/support.ts'
import { BJORN, CATALOGUE, EXCHANGE, eventually, PLANNER, ROOT } from '../local-stack/support.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'

/**
 * What Feide says to those who leave its API Gatekeeper, sentence by sentence: through the stand-in for
 * Feide, the gateway with the example policy, and an API that was written for the old gatekeeper.
 */

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const PASSWORD = 'known to the old gatekeeper'
let skew = 0
let feide: Running
let api: Running
let gateway: Gateway
beforeAll(async () => {
  feide = await startFeide({ port: 0, now: () => Date.now() / 1000 + skew })
  api = await startLegacyApi({ port: 0, password: PASSWORD })
  gateway = await startGateway(readFileSync(`${ROOT}config/gateway.yaml`, 'utf8'), {
    env: {
      GATEWAY_LISTEN: '127.0.0.1:0',
      GATEWAY_ADMIN: '127.0.0.1:0',
      FEIDE_ISSUER: feide.url,
      GRADES_URL: api.url,
      GRADES_PASSWORD: PASSWORD,
    },
  })
  if (!(await eventually(async () => (await gateway.admin('/readyz')).ok))) {
    throw new Error(gateway.logText)
  }
})
afterAll(async () => {
  await gateway?.stop()
  await api?.close()
  await feide?.close()
})

const opaqueToken = async (user?: string, client = PLANNER) => {
  const { body } = user
    ? await postAs(feide, client, { user }, '/_local/login')
    : await postAs(feide, client, { grant_type: 'client_credentials' })
  return body
}
const exchanged = async (subject: unknown, form: Record<string, string> = {}, client = PLANNER) => {
  const { body } = await postAs(feide, client, {
    ...EXCHANGE,
    subject_token: String(subject),
    ...form,
  })
  return body
}
const jwtOf = async (user?: string, form: Record<string, string> = {}) =>
  String((await exchanged((await opaqueToken(user)).access_token, form)).access_token)
const call = async (path: string, token?: string, headers: Record<string, string> = {}) => {
  const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const response = await gateway.fetch(path, { headers: { ...headers, ...authorization } })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
const claimsOf = (jwt: string) =>
  JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >

describe('a consumer without a user', () => {
  test('gets an opaque token with client credentials, with gk_ scopes and eight hours of life', async () => {
    expect(await opaqueToken()).toEqual({
      access_token: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      token_type: 'Bearer',
      expires_in: expect.toSatisfy((n: number) => n > 28_790 && n <= 28_800),
      scope: 'gk_grades gk_grades_read gk_grades_append gk_grades_admin',
    })
  })
  test('cannot call the API with it: it has to be exchanged first', async () => {
    const { access_token } = await opaqueToken()
    const { status, body } = await call('/courses', String(access_token))
    expect({ status, code: body.code, says: body.detail }).toEqual({
      status: 401,
      code: 'token_opaque',
      says: expect.stringContaining(EXCHANGE.audience ?? ''),
    })
  })
  test('exchanges it for a JWT of the data source, and the API sees a system: no user id', async () => {
    const answer = await exchanged((await opaqueToken()).access_token)
    expect(answer).toMatchObject({
      token_type: 'Bearer',
      issued_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      scope: 'read append admin',
    })
    const { status, body } = await call('/me', String(answer.access_token))
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { youMustBe: null, accessingUsingThisClient: PLANNER.id },
    })
  })
  test('is no user, whatever it says of itself', async () => {
    const forged = { 'X-Dataporten-Userid': BJORN, X_Dataporten_Userid: BJORN }
    const { body } = await call('/me', await jwtOf(), forged)
    expect(body.youMustBe).toBe(null)
  })
  test('may not do what asks for a user', async () => {
    const response = await gateway.fetch('/courses', {
      method: 'POST',
      headers: { Authorization: `Bearer ${await jwtOf()}`, 'Content-Type': 'application/json' },
      body: '{"title":"Botany"}',
    })
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 403,
      body: { code: 'user_required' },
    })
  })
})

describe('a consumer with a user', () => {
  test('is the user to the API, with the secondary id and the scopes', async () => {
    const { status, body } = await call('/me', await jwtOf('bjorn'))
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        youMustBe: BJORN,
        alsoKnownAs: ['feide:bjorn@example.no'],
        accessingUsingThisClient: PLANNER.id,
        withTheseSubScopes: ['admin', 'append', 'read'],
      },
    })
  })
  test('has every claim of the documentation in its JWT, which lives five minutes', async () => {
    const claims = claimsOf(await jwtOf('bjorn'))
    expect(claims).toMatchObject({
      iss: feide.url,
      aud: EXCHANGE.audience,
      sub: BJORN,
      client_id: PLANNER.id,
      act: { sub: PLANNER.id },
      scope: 'read append admin',
      name: 'Bjørn Grønås',
      'https://n.feide.no/claims/userid_sec': ['feide:bjorn@example.no'],
      'https://n.feide.no/claims/eduPersonPrincipalName': 'bjorn@example.no',
      'https://n.feide.no/claims/nin': '99999999999',
    })
    expect([Number(claims.exp) - Number(claims.iat), claims.nbf]).toEqual([300, claims.iat])
  })
  test('asks for less than it may have, and has no more than that', async () => {
    const token = await jwtOf('bjorn', { scope: 'append' })
    const { status, body } = await call('/courses', token)
    expect({ status, code: body.code }).toEqual({ status: 403, code: 'scope_missing' })
  })
})

describe('the data source', () => {
  test('takes no token after its five minutes', async () => {
    skew = -310
    const token = await jwtOf('bjorn').finally(() => {
      skew = 0
    })
    expect((await call('/me', token)).body.code).toBe('token_expired')
  })
  test('takes no token of another issuer', async () => {
    const other = await startFeide({ port: 0 })
    try {
      const { body } = await postAs(other, PLANNER, { grant_type: 'client_credentials' })
      const subject_token = String(body.access_token)
      const answer = await postAs(other, PLANNER, { ...EXCHANGE, subject_token })
      const { body: refused } = await call('/me', String(answer.body.access_token))
      expect(refused.code).toBe('token_issuer')
    } finally {
      await other.close()
    }
  })
  test('takes no ID token: it has the same key and issuer, and another audience', async () => {
    const token = await jwtOf('bjorn')
    const [header, , signature] = token.split('.')
    const claims = { ...claimsOf(token), aud: PLANNER.id }
    const swapped = Buffer.from(JSON.stringify(claims)).toString('base64url')
    const { body } = await call('/me', `${header}.${swapped}.${signature}`)
    expect(body.code).toBe('token_audience')
  })
  test('lets a client do what it was granted, and no more', async () => {
    const subject = (await opaqueToken(undefined, CATALOGUE)).access_token
    const { access_token, scope } = await exchanged(subject, {}, CATALOGUE)
    expect(scope).toBe('read')
    const courses = await call('/courses', String(access_token))
    const admin = await call('/admin/x', String(access_token))
    expect([courses.status, admin.status, admin.body.code]).toEqual([200, 403, 'scope_missing'])
  })
})
