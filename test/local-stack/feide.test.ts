import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseRegister } from '../../docker/local-stack/feide/register.ts'
import { startFeide } from '../../docker/local-stack/feide.ts'
import type { Running } from '../../docker/local-stack/listen.ts'
import { AUDIENCE, BJORN, basic, CATALOGUE, EXCHANGE, type Form, PLANNER, post } from './support.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const GRADES = 'gk_grades gk_grades_read gk_grades_append gk_grades_admin'

const HOUR = 3600
let skew = 0
let feide: Running

beforeAll(async () => {
  feide = await startFeide({ port: 0, now: () => Date.now() / 1000 + skew })
})
afterAll(() => feide.close())

const askAs = (client: typeof PLANNER, form: Form, path = '/oauth/token') =>
  post(`${feide.url}${path}`, form, { Authorization: basic(client) })

const tokenOf = async (client: typeof PLANNER, form: Form, path?: string): Promise<string> => {
  const { body } = await askAs(client, form, path)
  return String(body.access_token)
}

const systemToken = (client = PLANNER) => tokenOf(client, { grant_type: 'client_credentials' })
const userToken = (client = PLANNER, user = 'bjorn') => tokenOf(client, { user }, '/_local/login')

const verify = (jwt: string) =>
  jwtVerify(jwt, createRemoteJWKSet(new URL(`${feide.url}/openid/jwks`)), {
    issuer: feide.url,
    audience: AUDIENCE,
    algorithms: ['RS256'],
  })

describe('discovery and keys', () => {
  test('the issuer is the URL itself, without a slash at the end', async () => {
    const response = await fetch(`${feide.url}/.well-known/openid-configuration`)
    expect(await response.json()).toMatchObject({
      issuer: feide.url,
      jwks_uri: `${feide.url}/openid/jwks`,
      token_endpoint: `${feide.url}/oauth/token`,
      userinfo_endpoint: `${feide.url}/openid/userinfo`,
    })
    expect(feide.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  })

  test('the key set has one public RSA key of 2048 bits and no private part', async () => {
    const response = await fetch(`${feide.url}/openid/jwks`)
    const { keys } = (await response.json()) as { keys: Record<string, string>[] }
    expect(keys.map(key => Object.keys(key).sort())).toEqual([
      ['alg', 'e', 'kid', 'kty', 'n', 'use'],
    ])
    expect(keys[0]).toMatchObject({ kty: 'RSA', use: 'sig', alg: 'RS256', e: 'AQAB' })
    expect(Buffer.from(keys[0]?.n ?? '', 'base64url')).toHaveLength(256)
  })

  test('two runs share no key', async () => {
    const other = await startFeide({ port: 0 })
    const jwt = await tokenOf(PLANNER, { ...EXCHANGE, subject_token: await systemToken() })
    const keys = createRemoteJWKSet(new URL(`${other.url}/openid/jwks`))
    await expect(jwtVerify(jwt, keys)).rejects.toThrow('no applicable key')
    await other.close()
  })
})

describe('client credentials', () => {
  test.each([
    ['by Basic', { Authorization: basic(PLANNER) }, {}],
    ['by form', {}, { client_id: PLANNER.id, client_secret: PLANNER.secret }],
  ])('%s give an opaque token in the shape of Feide', async (_, headers, fields) => {
    const form = { grant_type: 'client_credentials', ...fields }
    const { status, headers: sent, body } = await post(`${feide.url}/oauth/token`, form, headers)
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        access_token: expect.stringMatching(UUID),
        token_type: 'Bearer',
        expires_in: expect.toSatisfy((n: number) => n === 28_799 || n === 28_800),
        scope: GRADES,
      },
    })
    expect(sent.get('cache-control')).toBe('no-store')
  })

  test('give the scopes that were asked for and no others', async () => {
    const form = { grant_type: 'client_credentials', scope: 'gk_grades gk_grades_read' }
    expect((await askAs(PLANNER, form)).body.scope).toBe('gk_grades gk_grades_read')
  })
})

describe('token exchange', () => {
  test('answers in the shape of Feide', async () => {
    const form = { ...EXCHANGE, subject_token: await systemToken(), scope: 'append read' }
    const { status, headers, body } = await askAs(PLANNER, form)
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
        token_type: 'Bearer',
        issued_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        expires_in: expect.toSatisfy((n: number) => n === 299 || n === 300),
        scope: 'append read',
      },
    })
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test('of a system token makes a JWT that speaks for the client and names no user', async () => {
    const jwt = await tokenOf(PLANNER, { ...EXCHANGE, subject_token: await systemToken() })
    const { payload } = await verify(jwt)
    const iat = payload.iat ?? 0
    expect(Math.abs(Date.now() / 1000 - iat)).toBeLessThan(30)
    expect(payload).toEqual({
      iss: feide.url,
      aud: AUDIENCE,
      sub: PLANNER.id,
      client_id: PLANNER.id,
      act: { sub: PLANNER.id },
      scope: 'read append admin',
      iat,
      nbf: iat,
      exp: iat + 300,
    })
  })

  test('of a user token makes a JWT that speaks for the user, with the claims of the user', async () => {
    const jwt = await tokenOf(PLANNER, { ...EXCHANGE, subject_token: await userToken() })
    const { payload, protectedHeader } = await verify(jwt)
    const jwks = await fetch(`${feide.url}/openid/jwks`)
    const { keys } = (await jwks.json()) as { keys: { kid: string }[] }
    expect(protectedHeader).toEqual({ typ: 'JWT', alg: 'RS256', kid: keys[0]?.kid })
    expect(payload).toMatchObject({
      sub: BJORN,
      client_id: PLANNER.id,
      act: { sub: PLANNER.id },
      scope: 'read append admin',
      name: 'Bjørn Grønås',
      picture: expect.stringMatching(/^https:/),
      'https://n.feide.no/claims/userid_sec': ['feide:bjorn@example.no'],
      'https://n.feide.no/claims/eduPersonPrincipalName': 'bjorn@example.no',
      'https://n.feide.no/claims/nin': '99999999999',
    })
  })

  test('leaves out what a user does not have', async () => {
    const subject = await userToken(PLANNER, 'kari')
    const { payload } = await verify(
      await tokenOf(PLANNER, { ...EXCHANGE, subject_token: subject }),
    )
    expect(payload.name).toBe('Kari Nordmann')
    expect(Object.keys(payload)).not.toContain('picture')
    expect(Object.keys(payload)).not.toContain('https://n.feide.no/claims/nin')
  })

  test.each([
    ['no scope parameter', PLANNER, undefined, 'read append admin'],
    ['an empty scope parameter', PLANNER, '', 'read append admin'],
    ['a scope named twice', PLANNER, 'read read', 'read'],
    ['a client with fewer scopes', CATALOGUE, undefined, 'read'],
  ])('%s gives the scopes that are allowed', async (_, client, scope, expected) => {
    const asked = scope === undefined ? {} : { scope }
    const form = { ...EXCHANGE, subject_token: await systemToken(client), ...asked }
    const { body } = await askAs(client, form)
    expect(body.scope).toBe(expected)
    expect((await verify(String(body.access_token))).payload.scope).toBe(expected)
  })

  test('never gives more than the opaque token was limited to', async () => {
    const limited = { grant_type: 'client_credentials', scope: 'gk_grades gk_grades_read' }
    const subject = await tokenOf(PLANNER, limited)
    const form = { ...EXCHANGE, subject_token: subject }
    expect((await askAs(PLANNER, form)).body.scope).toBe('read')
    expect((await askAs(PLANNER, { ...form, scope: 'append' })).body.error).toBe('invalid_scope')
  })
})

describe('refusals', () => {
  const refusalOf = (error: string) => ({
    error,
    error_description: expect.stringMatching(/./),
    error_uri: 'https://docs.dataporten.no',
  })

  const form = { grant_type: 'client_credentials' }
  const wrong = { ...PLANNER, secret: 'wrong' }
  test.each<[string, Form, Record<string, string>]>([
    ['no client authentication', form, {}],
    ['a wrong secret', form, { Authorization: basic(wrong) }],
    ['a wrong secret in the form', { ...form, client_id: PLANNER.id, client_secret: 'no' }, {}],
    ['an unknown client', form, { Authorization: basic({ ...PLANNER, id: 'nobody' }) }],
    [
      'the secret of another client',
      form,
      { Authorization: basic({ ...PLANNER, secret: CATALOGUE.secret }) },
    ],
    ['a client without secret', { ...form, client_id: PLANNER.id }, {}],
    ['an empty secret', { ...form, client_id: PLANNER.id, client_secret: '' }, {}],
    [
      'a client id that differs from that of Basic',
      { ...form, client_id: CATALOGUE.id },
      { Authorization: basic(PLANNER) },
    ],
    ['another scheme', form, { Authorization: `Bearer ${PLANNER.secret}` }],
    ['Basic that is not base64', form, { Authorization: 'Basic !!!' }],
  ])('%s is invalid_client, 401 with a challenge', async (_, fields, headers) => {
    const answer = await post(`${feide.url}/oauth/token`, fields, headers)
    expect({ status: answer.status, body: answer.body }).toEqual({
      status: 401,
      body: refusalOf('invalid_client'),
    })
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('a failed authentication makes no difference between clients', async () => {
    const known = await askAs(wrong, form)
    const unknown = await askAs({ id: 'nobody', secret: 'wrong' }, form)
    expect(known.body).toEqual(unknown.body)
  })

  test.each<[string, string, Form | string]>([
    ['no grant_type', 'invalid_request', {}],
    ['an empty grant_type', 'invalid_request', 'grant_type='],
    [
      'a parameter given twice',
      'invalid_request',
      'grant_type=client_credentials&grant_type=client_credentials',
    ],
    ['two ways of authentication', 'invalid_request', { ...form, client_secret: PLANNER.secret }],
    ['a grant that Feide lacks', 'unsupported_grant_type', { grant_type: 'refresh_token' }],
    ['a password grant', 'unsupported_grant_type', { grant_type: 'password' }],
    ['a scope that was not granted', 'invalid_scope', { ...form, scope: 'gk_grades gk_other' }],
    ['a scope about users for a system', 'invalid_scope', { ...form, scope: 'openid' }],
    ['an exchange of nothing', 'invalid_request', EXCHANGE],
    [
      'an exchange of an unknown token',
      'invalid_request',
      { ...EXCHANGE, subject_token: 'd1d5d2f0' },
    ],
  ])('%s is %s', async (_, error, fields) => {
    const answer = await post(`${feide.url}/oauth/token`, fields, { Authorization: basic(PLANNER) })
    expect({ status: answer.status, body: answer.body }).toEqual({
      status: 400,
      body: refusalOf(error),
    })
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test.each<[string, string, Form]>([
    ['without audience', 'invalid_request', { audience: '' }],
    ['for an unknown audience', 'access_denied', { audience: `${AUDIENCE}0` }],
    ['without a type of the token', 'invalid_request', { subject_token_type: '' }],
    ['of a JWT', 'invalid_request', { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' }],
    [
      'for an opaque token',
      'invalid_request',
      { requested_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
    ],
    ['for a scope that was not granted', 'invalid_scope', { scope: 'read delete' }],
    ['for a scope in its long form', 'invalid_scope', { scope: 'gk_grades_read' }],
  ])('an exchange %s is %s', async (_, error, changed) => {
    const fields = { ...EXCHANGE, subject_token: await systemToken(), ...changed }
    const { status, body } = await askAs(PLANNER, fields)
    expect({ status, body }).toEqual({ status: 400, body: refusalOf(error) })
  })

  test("another client's token cannot be exchanged", async () => {
    const { status, body } = await askAs(CATALOGUE, {
      ...EXCHANGE,
      subject_token: await systemToken(PLANNER),
    })
    expect({ status, body }).toEqual({ status: 400, body: refusalOf('invalid_request') })
  })

  test('an opaque token can be exchanged for eight hours and no longer', async () => {
    const subject = { ...EXCHANGE, subject_token: await systemToken() }
    try {
      skew = 8 * HOUR - 60
      expect((await askAs(PLANNER, subject)).status).toBe(200)
      skew = 8 * HOUR + 1
      const { status, body } = await askAs(PLANNER, subject)
      expect({ status, body }).toEqual({ status: 400, body: refusalOf('invalid_request') })
    } finally {
      skew = 0
    }
  })

  test('a body that is no form is invalid_request', async () => {
    const response = await fetch(`${feide.url}/oauth/token`, {
      method: 'POST',
      body: JSON.stringify(form),
      headers: { Authorization: basic(PLANNER), 'Content-Type': 'application/json' },
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual(refusalOf('invalid_request'))
  })

  test('a client may use the grants and data sources that it was given, and no others', async () => {
    const register = parseRegister(`
      dataSources:
        exams: { audience: ${AUDIENCE} }
      clients:
        browser: { name: Browser, secret: open-sesame, scopes: [gk_exams], grants: [token_exchange] }
        outsider: { name: Outsider, secret: open-sesame, scopes: [gk_examsroom, gk_examsroom_read] }
      users: {}
    `)
    const other = await startFeide({ port: 0, register })
    const ask = (id: string, fields: Form) =>
      post(`${other.url}/oauth/token`, fields, {
        Authorization: basic({ id, secret: 'open-sesame' }),
      })
    try {
      expect((await ask('browser', form)).body).toEqual(refusalOf('unauthorized_client'))
      const subject_token = String((await ask('outsider', form)).body.access_token)
      const exchanged = await ask('outsider', { ...EXCHANGE, subject_token })
      expect(exchanged.body).toEqual(refusalOf('access_denied'))
    } finally {
      await other.close()
    }
  })
})

describe('the local login', () => {
  test('answers an opaque token for the user, with the scopes about users', async () => {
    const { status, body } = await askAs(PLANNER, { user: 'bjorn' }, '/_local/login')
    expect(status).toBe(200)
    expect(body.access_token).toMatch(UUID)
    expect(body.scope).toBe(`${GRADES} openid userid profile`)
  })

  test.each([
    ['an unknown user', PLANNER, { user: 'nobody' }, 400, 'invalid_grant'],
    ['no user', PLANNER, {}, 400, 'invalid_grant'],
    ['a wrong secret', { ...PLANNER, secret: 'wrong' }, { user: 'bjorn' }, 401, 'invalid_client'],
  ])('refuses %s', async (_, client, fields: Form, status, error) => {
    const answer = await askAs(client, fields, '/_local/login')
    expect({ status: answer.status, error: answer.body.error }).toEqual({ status, error })
  })
})

describe('userinfo', () => {
  const userinfo = (token: string) =>
    fetch(`${feide.url}/openid/userinfo`, { headers: { Authorization: `Bearer ${token}` } })

  test("tells about the user of an opaque token, but not the user's nin", async () => {
    const response = await userinfo(await userToken())
    const body = (await response.json()) as Record<string, unknown>
    expect(body).toMatchObject({ sub: BJORN, name: 'Bjørn Grønås' })
    expect(JSON.stringify(body)).not.toContain('99999999999')
  })

  test.each([
    ['a system token', () => systemToken()],
    ['an unknown token', () => 'd1d5d2f0'],
    ['a JWT', async () => tokenOf(PLANNER, { ...EXCHANGE, subject_token: await userToken() })],
  ])('refuses %s', async (_, token) => {
    const response = await userinfo(await token())
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe(
      'Bearer realm="Feide", error="invalid_token"',
    )
  })
})

describe('where it listens', () => {
  test.each(['0.0.0.0', '::', '192.0.2.1', 'example.no'])('not on %s', async host => {
    await expect(startFeide({ port: 0, host })).rejects.toThrow(
      `the stand-in for Feide listens on loopback addresses only, not on ${host}`,
    )
  })

  test('elsewhere only when told so, under the name that others use', async () => {
    const issuer = 'http://feide.test:7001'
    const open = await startFeide({ port: 0, host: '0.0.0.0', allowRemote: true, issuer })
    expect(open.url).toBe(issuer)
    await open.close()
  })
})
