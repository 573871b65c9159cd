import { describe, expect, test } from 'vitest'
import { basic, type Form, PLANNER, post } from '../support.ts'
import {
  authorize,
  CALLBACK,
  challengeOf,
  codeFor,
  demoFeide,
  get,
  PKCE,
  POCKET,
  PORTAL,
  REQUEST,
  redeem,
  refusalOf,
  VERIFIER,
} from './support.ts'

const { feide, clock } = demoFeide()

const works = async (token: unknown): Promise<boolean> =>
  (await get(`${feide.url}/openid/userinfo`, String(token))).status === 200

const POCKET_REQUEST = { ...REQUEST, client_id: POCKET.id }
const asPocket = (code: string, changed: Form = {}) =>
  redeem(feide, code, { client_id: POCKET.id, ...changed }, {})

describe('a code', () => {
  test('that is used again is refused, and the token that came of it revoked', async () => {
    const code = await codeFor(feide)
    const first = await redeem(feide, code)
    expect([first.status, await works(first.body.access_token)]).toEqual([200, true])
    const second = await redeem(feide, code)
    expect([second.status, second.body]).toEqual([400, refusalOf('invalid_grant')])
    expect(await works(first.body.access_token)).toBe(false)
  })

  test('that is used again hours later still revokes the token', async () => {
    const code = await codeFor(feide)
    const { body } = await redeem(feide, code)
    clock.skew = 7 * 3600
    expect(await works(body.access_token)).toBe(true)
    await redeem(feide, code)
    expect(await works(body.access_token)).toBe(false)
  })

  test('that is used twice at the same time gives one token, which is revoked', async () => {
    const code = await codeFor(feide)
    const both = await Promise.all([redeem(feide, code), redeem(feide, code)])
    expect(both.map(({ status }) => status).sort()).toEqual([200, 400])
    const won = both.find(({ status }) => status === 200)
    expect(await works(won?.body.access_token)).toBe(false)
  })

  test('lives for a minute and no longer', async () => {
    const [inTime, late] = [await codeFor(feide), await codeFor(feide)]
    clock.skew = 30
    expect((await redeem(feide, inTime)).status).toBe(200)
    clock.skew = 61
    const { status, body } = await redeem(feide, late)
    expect([status, body]).toEqual([400, refusalOf('invalid_grant')])
  })

  test('is of no use to another client, and not used up by one either', async () => {
    const code = await codeFor(feide)
    const byPublic = await asPocket(code)
    expect([byPublic.status, byPublic.body]).toEqual([400, refusalOf('invalid_grant')])
    const first = await redeem(feide, code)
    expect(first.status).toBe(200)
    await asPocket(code)
    expect(await works(first.body.access_token)).toBe(true)
  })

  test('is of no use to a client that nobody logs in to', async () => {
    const code = await codeFor(feide)
    const { body } = await redeem(feide, code, {}, { Authorization: basic(PLANNER) })
    expect(body).toEqual(refusalOf('unauthorized_client'))
  })

  test('of a client with a secret is not given for its id alone', async () => {
    const code = await codeFor(feide)
    const { status, body } = await redeem(feide, code, { client_id: PORTAL.id }, {})
    expect([status, body]).toEqual([401, refusalOf('invalid_client')])
    expect((await redeem(feide, code)).status).toBe(200)
  })

  test('of a public client is not given for an id with a secret', async () => {
    const query = { ...POCKET_REQUEST, scope: 'openid' }
    const code = await codeFor(feide, query)
    const invented = { client_id: POCKET.id, client_secret: 'an invented one' }
    expect((await redeem(feide, code, invented, {})).body).toEqual(refusalOf('invalid_client'))
    const empty = { Authorization: basic({ ...POCKET, secret: '' }) }
    expect((await redeem(feide, code, {}, empty)).body).toEqual(refusalOf('invalid_client'))
    expect((await asPocket(code)).status).toBe(200)
  })

  test.each<[string, string, Form]>([
    ['without redirect_uri', 'invalid_request', { redirect_uri: '' }],
    ['with another port', 'invalid_grant', { redirect_uri: 'http://127.0.0.1:5556/callback' }],
    ['with another redirect_uri', 'invalid_grant', { redirect_uri: 'http://127.0.0.1/callback' }],
    ['without verifier', 'invalid_grant', { code_verifier: '' }],
    ['with another verifier', 'invalid_grant', { code_verifier: `${VERIFIER}1` }],
    ['with the challenge as verifier', 'invalid_grant', { code_verifier: PKCE.code_challenge }],
    ['that nobody issued', 'invalid_grant', { code: 'd1d5d2f0' }],
    ['that is left out', 'invalid_request', { code: '' }],
  ])('%s is %s', async (_, error, changed) => {
    const { status, body } = await redeem(feide, await codeFor(feide), changed)
    expect([status, body]).toEqual([400, refusalOf(error)])
  })

  test('is used up by a wrong verifier: nobody gets a second try', async () => {
    const code = await codeFor(feide)
    await redeem(feide, code, { code_verifier: 'v'.repeat(43) })
    expect((await redeem(feide, code)).body).toEqual(refusalOf('invalid_grant'))
  })

  test('is another one each time, and so is the token', async () => {
    const codes = [await codeFor(feide), await codeFor(feide)]
    const answers = await Promise.all(codes.map(code => redeem(feide, code)))
    expect(new Set(codes).size).toBe(2)
    expect(new Set(answers.map(({ body }) => body.access_token)).size).toBe(2)
  })
})

describe('PKCE', () => {
  const { code_challenge, code_challenge_method, ...PLAIN } = REQUEST

  test('cannot be taken out on the way: a verifier without a challenge is refused', async () => {
    const code = await codeFor(feide, PLAIN)
    expect((await redeem(feide, code)).body).toEqual(refusalOf('invalid_grant'))
  })

  test.each(['short', 'v'.repeat(42), 'v'.repeat(129), `${'v'.repeat(42)}ø`])(
    'is not satisfied by the verifier %j, which is none, though its digest fits',
    async code_verifier => {
      const code = await codeFor(feide, { ...REQUEST, code_challenge: challengeOf(code_verifier) })
      expect((await redeem(feide, code, { code_verifier })).body).toEqual(
        refusalOf('invalid_grant'),
      )
    },
  )

  test('is a must for public clients', async () => {
    const plain = { ...PLAIN, client_id: POCKET.id, scope: 'openid' }
    const response = await authorize(feide, plain)
    expect(response.headers.get('location')).toContain(`${CALLBACK}?error=invalid_request`)
    const code = await codeFor(feide, { ...plain, ...PKCE })
    expect((await asPocket(code, { code_verifier: '' })).body).toEqual(refusalOf('invalid_grant'))
    expect([code_challenge, code_challenge_method]).toEqual(Object.values(PKCE))
  })
})

test.each(['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'])(
  'a public client gets nothing by %s',
  async grant_type => {
    const form = { grant_type, client_id: POCKET.id }
    const { status, body } = await post(`${feide.url}/oauth/token`, form)
    expect([status, body]).toEqual([400, refusalOf('unauthorized_client')])
  },
)
