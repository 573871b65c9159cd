import type { AddressInfo, Server } from 'node:net'
import dataporten from 'dataportenapi'
import express, { type RequestHandler } from 'express'
import feideconnect from 'feideconnectapi'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'

/** What the middleware of a legacy API makes of the headers, as its `req.dataporten` says it. */
interface Seen {
  readonly userid: string | null
  readonly useridsec: readonly string[] | null
  readonly clientid: string | null
  readonly scopes: readonly string[] | null
}

const PASSWORD = '30d63d9b-3574-4832-be37-0c93121fca21'

const APIS = [
  {
    name: 'dataportenapi 0.3.0',
    profile: 'dataporten',
    user: 'dataporten',
    setup: () => new dataporten.DataportenAPI({ password: PASSWORD }).setup(),
    forged: 'X-Dataporten-Userid',
  },
  {
    name: 'feideconnectapi 1.0.6',
    profile: 'feideconnect',
    user: 'feideconnect',
    setup: () => new feideconnect.FeideConnectAPI({ password: PASSWORD }).setup(),
    forged: 'X-FeideConnect-Userid',
  },
]

describe.each(APIS)('an API on the unmodified $name', ({ profile, user, setup, forged }) => {
  let issuer: Issuer
  let api: Server
  let gateway: Gateway

  beforeAll(async () => {
    issuer = await startIssuer()
    api = await startApi(setup())
    const { port } = api.address() as AddressInfo
    const upstream = {
      url: `http://127.0.0.1:${port}`,
      credentials: { basic: { username: user, password: PASSWORD } },
    }
    const grades = { upstream, headers: { profile }, routes: { 'GET /seen': 'authenticated' } }
    gateway = await startGateway(policy({ issuer, upstream: '', dataSources: { grades } }))
  })
  afterAll(async () => {
    await gateway?.stop()
    api?.close()
    await issuer?.close()
  })

  const call = async (token: string, headers: Record<string, string> = {}) => {
    const answer = await gateway.fetch('/seen', {
      headers: { ...headers, authorization: `Bearer ${token}` },
    })
    return (await answer.json()) as Seen
  }

  test('sees the user of a user token, with scopes and secondary ids', async () => {
    const token = issuer.token({
      scope: 'read append',
      'https://n.feide.no/claims/eduPersonPrincipalName': 'kari@example.no',
      'https://n.feide.no/claims/userid_sec': ['nin:01017012345'],
    })
    const { sub, client_id } = issuer.claims()
    expect(await call(token)).toEqual({
      userid: sub,
      useridsec: ['feide:kari@example.no'],
      clientid: client_id,
      scopes: ['append', 'read'],
    })
  })

  test('sees no user for a system token', async () => {
    const { client_id } = issuer.claims()
    expect(await call(issuer.systemToken({ scope: 'read' }))).toEqual({
      userid: null,
      useridsec: null,
      clientid: client_id,
      scopes: ['read'],
    })
  })

  test('sees no scopes where the token has none', async () => {
    expect((await call(issuer.token({ scope: '' }))).scopes).toBeNull()
  })

  test.each([forged, forged.replaceAll('-', '_'), forged.toUpperCase()])(
    'sees no user that a caller made up as %s',
    async name => {
      expect((await call(issuer.systemToken(), { [name]: 'somebody' })).userid).toBeNull()
    },
  )
})

function startApi(middleware: RequestHandler): Promise<Server> {
  const app = express()
  app.get('/seen', middleware, (request, response) => {
    const { dataporten, feideconnect } = request as unknown as Record<string, Seen | undefined>
    const { userid, useridsec, clientid, scopes } = (dataporten ?? feideconnect) as Seen
    response.json({ userid, useridsec, clientid, scopes })
  })
  return new Promise(resolve => {
    const server = app.listen(0, '127.0.0.1', () => resolve(server))
  })
}
