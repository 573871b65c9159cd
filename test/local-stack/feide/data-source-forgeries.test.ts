import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseRegister } from '../../../docker/local-stack/feide/register.ts'
import { startFeide } from '../../../docker/local-stack/feide.ts'
import type { Running } from '../../../docker/local-stack/listen.ts'
import { AUDIENCE, EXCHANGE, type Form } from '../support.ts'
import {
  codeFor,
  dataSourceExchange,
  GRADES_API,
  jwtFor,
  postAs,
  redeem,
  refusalOf,
  startDemo,
} from './support.ts'

let feide: Running
beforeAll(async () => {
  feide = await startDemo()
})
afterAll(() => feide.close())

const refused = async (jwt: string): Promise<void> => {
  const { status, body } = await postAs(feide, GRADES_API, dataSourceExchange(feide, jwt))
  expect([status, body]).toEqual([400, refusalOf('invalid_request')])
}

const publishedKey = async (): Promise<{ kid: string; n: string }> => {
  const keySet = await fetch(`${feide.url}/openid/jwks`)
  return ((await keySet.json()) as { keys: [{ kid: string; n: string }] }).keys[0]
}

test('no data source gets anything for an ID token, which has the same issuer and key', async () => {
  const { body } = await redeem(feide, await codeFor(feide))
  await refused(String(body.id_token))
})

test('no data source gets anything for a JWT signed with a key of somebody else', async () => {
  const claims = decodeJwt(await jwtFor(feide, 'bjorn'))
  const { privateKey } = await generateKeyPair('RS256')
  const { kid } = await publishedKey()
  await refused(
    await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey),
  )
})

test('no data source gets anything for a JWT signed with HS256 and the public key', async () => {
  const claims = decodeJwt(await jwtFor(feide, 'bjorn'))
  const { n, kid } = await publishedKey()
  const header = { alg: 'HS256', kid }
  await refused(await new SignJWT(claims).setProtectedHeader(header).sign(Buffer.from(n)))
})

test('no data source gets anything for a JWT that brings its own key along', async () => {
  const claims = decodeJwt(await jwtFor(feide, 'bjorn'))
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const header = { alg: 'RS256', jwk: await exportJWK(publicKey) }
  await refused(await new SignJWT(claims).setProtectedHeader(header).sign(privateKey))
})

test.each([
  ['no signature', (jwt: string) => jwt.replace(/[^.]*$/, '')],
  ['an algorithm of none', (jwt: string) => `eyJhbGciOiJub25lIn0.${jwt.split('.')[1]}.`],
  ['another payload', (jwt: string) => jwt.replace(/\.[^.]*\./, '.e30.')],
  ['nothing of a JWT', () => 'a.b.c'],
])('no data source gets anything for a JWT with %s', async (_, forge) =>
  refused(forge(await jwtFor(feide, 'bjorn'))),
)

test('no data source gets anything for a JWT for another data source', async () => {
  const two = await startFeide({
    port: 0,
    register: parseRegister(`
      dataSources:
        grades: { audience: ${AUDIENCE} }
        exams:
          audience: https://n.feide.no/datasources/exams
          client: { id: exams-api, secret: secret-of-exams, scopes: [openid] }
      clients:
        planner: { name: Planner, secret: secret-of-planner, scopes: [gk_grades] }
      users: {}
    `),
  })
  const as = (id: string, secret: string, form: Form) => postAs(two, { id, secret }, form)
  try {
    const planner = ['planner', 'secret-of-planner'] as const
    const { body: opaque } = await as(...planner, { grant_type: 'client_credentials' })
    const subject = { ...EXCHANGE, subject_token: String(opaque.access_token) }
    const { body: jwt } = await as(...planner, subject)
    const exchange = dataSourceExchange(two, String(jwt.access_token))
    const { body } = await as('exams-api', 'secret-of-exams', exchange)
    expect(body).toEqual(refusalOf('invalid_request'))
  } finally {
    await two.close()
  }
})
