import { describe, expect, test } from 'vitest'
import { AUDIENCE, BJORN, EXCHANGE, type Form, PLANNER } from '../support.ts'
import {
  dataSourceExchange,
  demoFeide,
  GRADES_API,
  get,
  jwtFor,
  postAs,
  refusalOf,
} from './support.ts'

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'

const { feide, clock } = demoFeide()

const ask = (jwt: string, changed: Form = {}, client = GRADES_API) =>
  postAs(feide, client, { ...dataSourceExchange(feide, jwt), ...changed })

const ALL = 'openid userid userid-feide profile email groups groups-org groups-edu groups-other'

describe('the exchange of a data source', () => {
  test.each([
    ['without scope gives all that the data source may have', {}, ALL],
    ['with an empty scope gives all, as Feide documents it', { scope: '' }, ALL],
    ['gives the scopes that were asked for', { scope: 'openid email' }, 'openid email'],
  ])('%s', async (_, changed, scope) => {
    const { status, headers, body } = await ask(await jwtFor(feide, 'bjorn'), changed)
    expect([status, body]).toEqual([
      200,
      {
        access_token: expect.stringMatching(/^[0-9a-f-]{36}$/),
        token_type: 'Bearer',
        issued_token_type: ACCESS_TOKEN,
        expires_in: expect.toSatisfy((n: number) => n === 28_799 || n === 28_800),
        scope,
      },
    ])
    expect(headers.get('cache-control')).toBe('no-store')
  })

  test("opens Feide's APIs on behalf of the user of the JWT", async () => {
    const { body } = await ask(await jwtFor(feide, 'bjorn'))
    const info = await get(`${feide.url}/openid/userinfo`, String(body.access_token))
    expect(info).toMatchObject({ status: 200, body: { sub: BJORN, name: 'Bjørn Grønås' } })
    const groups = await get(`${feide.url}/groups/me/groups`, String(body.access_token))
    expect(groups).toMatchObject({ status: 200, body: [{ id: 'fc:org:example.no' }, {}, {}] })
  })

  test('of a JWT that speaks for no user gives a token that speaks for none', async () => {
    const { status, body } = await ask(await jwtFor(feide))
    expect(status).toBe(200)
    const { status: info } = await get(`${feide.url}/openid/userinfo`, String(body.access_token))
    expect(info).toBe(401)
  })

  test('gives a token that opens no data source, not even its own', async () => {
    const { body } = await ask(await jwtFor(feide, 'bjorn'))
    const again = { ...EXCHANGE, subject_token: String(body.access_token) }
    const { body: refused } = await postAs(feide, GRADES_API, again)
    expect(refused).toEqual(refusalOf('access_denied'))
  })

  test.each<[string, string, Form]>([
    ['without audience', 'invalid_request', { audience: '' }],
    ['for its own audience', 'access_denied', { audience: AUDIENCE }],
    ['for the issuer with a slash', 'access_denied', { audience: 'http://127.0.0.1/' }],
    ['without a type to give', 'invalid_request', { requested_token_type: '' }],
    ['for a JWT', 'invalid_request', { requested_token_type: JWT }],
    ['without subject_token', 'invalid_request', { subject_token: '' }],
    ['of an opaque token under the name of a JWT', 'invalid_request', { subject_token: BJORN }],
    [
      'of a JWT under the name of an opaque token',
      'invalid_request',
      { subject_token_type: ACCESS_TOKEN },
    ],
    ['for a scope that was not granted', 'invalid_scope', { scope: 'openid userid-nin' }],
    ["for a scope of the consumer's", 'invalid_scope', { scope: 'gk_grades_read' }],
  ])('%s is %s', async (_, error, changed) => {
    const { status, body } = await ask(await jwtFor(feide, 'bjorn'), changed)
    expect([status, body]).toEqual([400, refusalOf(error)])
  })

  test('is not for consumers, whose JWT it may be', async () => {
    const { body } = await ask(await jwtFor(feide, 'bjorn'), {}, PLANNER)
    expect(body).toEqual(refusalOf('invalid_request'))
  })

  test('is not for whoever does not know the secret', async () => {
    const { status, body } = await ask(
      await jwtFor(feide),
      {},
      { ...GRADES_API, secret: 'a wrong one' },
    )
    expect([status, body]).toEqual([401, refusalOf('invalid_client')])
  })

  test('is over when the JWT has expired', async () => {
    const jwt = await jwtFor(feide, 'bjorn')
    clock.skew = 250
    expect((await ask(jwt)).status).toBe(200)
    clock.skew = 301
    expect((await ask(jwt)).body).toEqual(refusalOf('invalid_request'))
  })
})

test.each<[string, string, Form]>([
  ['client credentials', '/oauth/token', { grant_type: 'client_credentials' }],
  ['a code', '/oauth/token', { grant_type: 'authorization_code', code: 'x' }],
  ['the local login', '/_local/login', { user: 'bjorn' }],
])('a data source gets nothing by %s', async (_, path, form) => {
  const { status, body } = await postAs(feide, GRADES_API, form, path)
  expect([status, body]).toEqual([400, refusalOf('unauthorized_client')])
})
