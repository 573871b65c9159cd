import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { CLAIM, CLIENT_ID, type Issuer, startIssuer, USER_ID } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { request, sendOne } from '../support/raw.ts'
import { hasPhp, type PhpApi, startPhp } from './php.ts'

/** What the PHP API found in `$_SERVER`. */
interface Seen {
  readonly userid: string | null
  readonly seesEverything: boolean
  readonly clientid: string | null
  readonly scopes: readonly string[]
  readonly received: Readonly<Record<string, string>>
}

const PASSWORD = '30d63d9b-3574-4832-be37-0c93121fca21'
const SOMEBODY = 'b4c6f0d2-5a0e-4d0b-8c63-2d1f1d0a9e57'

/** Spellings that one CGI-like server or another takes for the user id of the old gatekeeper. */
const SPELLINGS = [
  'X-Dataporten-Userid',
  'x-dataporten-userid',
  'X-DATAPORTEN-USERID',
  'X_Dataporten_Userid',
  'x_dataporten_userid',
  'X_DATAPORTEN_USERID',
  'X-Dataporten_Userid',
  'X_Dataporten-Userid',
  'X.Dataporten.Userid',
  'X.Dataporten-Userid',
  'X~Dataporten~Userid',
  'X+Dataporten+Userid',
  'X_FeideConnect_Userid',
]

if (!hasPhp) console.warn('SKIPPED: there is no php here; `npm run setup` installs php-cli')

describe.skipIf(!hasPhp)('a PHP API in PHP', () => {
  let issuer: Issuer
  let api: PhpApi
  let gateway: Gateway

  beforeAll(async () => {
    ;[issuer, api] = await Promise.all([startIssuer(), startPhp(PASSWORD)])
    const upstream = {
      url: `http://127.0.0.1:${api.port}`,
      credentials: { basic: { username: 'dataporten', password: PASSWORD } },
    }
    const reports = { upstream, routes: { 'GET /reports': 'authenticated' } }
    gateway = await startGateway(policy({ issuer, upstream: '', dataSources: { grades: reports } }))
  })
  afterAll(async () => {
    await gateway?.stop()
    await api?.stop()
    await issuer?.close()
  })

  const ask = async (port: number, headers: readonly (readonly [string, string])[]) => {
    const list = headers.map(([name, value]): [string, string] => [name, value])
    const answer = await sendOne(port, request({ target: '/reports', headers: list }))
    expect([answer.status, answer.complete]).toEqual([200, true])
    return JSON.parse(answer.body) as Seen
  }
  const callAs = (token: string, ...headers: readonly (readonly [string, string])[]) =>
    ask(gateway.port, [...headers, ['Authorization', `Bearer ${token}`]])

  const system = {
    userid: null,
    seesEverything: true,
    clientid: CLIENT_ID,
    scopes: ['append', 'read'],
    received: {
      HTTP_X_DATAPORTEN_GATEKEEPER: 'grades',
      HTTP_X_DATAPORTEN_CLIENTID: CLIENT_ID,
      HTTP_X_DATAPORTEN_SCOPES: 'append,read',
    },
  }

  test('sees the user of a user token in $_SERVER', async () => {
    const token = issuer.token({ [`${CLAIM}userid_sec`]: ['feide:asbjorn@example.no'] })
    expect(await callAs(token)).toEqual({
      ...system,
      userid: USER_ID,
      seesEverything: false,
      received: {
        ...system.received,
        HTTP_X_DATAPORTEN_USERID: USER_ID,
        HTTP_X_DATAPORTEN_USERID_SEC: 'feide:asbjorn@example.no',
      },
    })
  })

  test('sees a system for a system token, which has no such variable at all', async () => {
    expect(await callAs(issuer.systemToken())).toEqual(system)
  })

  test('takes an underscore for a hyphen: without the gateway, a caller is whom it likes', async () => {
    const basic = Buffer.from(`dataporten:${PASSWORD}`).toString('base64')
    const seen = await ask(api.port, [
      ['X_Dataporten_Userid', SOMEBODY],
      ['Authorization', `Basic ${basic}`],
    ])
    expect(seen.userid).toBe(SOMEBODY)
  })

  test.each(SPELLINGS)('sees nothing of a made-up %s beside a system token', async name => {
    expect(await callAs(issuer.systemToken(), [name, SOMEBODY])).toEqual(system)
  })

  test.each(SPELLINGS)('sees the user of the token, not the one in %s', async name => {
    const seen = await callAs(issuer.token(), [name, SOMEBODY])
    expect(seen.userid).toBe(USER_ID)
    expect(Object.values(seen.received)).not.toContain(SOMEBODY)
  })

  test('sees no secondary id, scope or token that a caller made up', async () => {
    const names = ['X_Dataporten_Userid_Sec', 'X_Dataporten_Scopes', 'X_Dataporten_Token']
    const forged = names.map(name => [name, `feide:${SOMEBODY}`] as const)
    expect(await callAs(issuer.systemToken(), ...forged)).toEqual(system)
  })

  test('sees the user though Connection names the header', async () => {
    const seen = await callAs(issuer.token(), ['Connection', 'keep-alive, X-Dataporten-Userid'])
    expect(seen.userid).toBe(USER_ID)
  })
})
