import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket, TlsOptions } from 'node:tls'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Authority, type LeafOptions, makeAuthority } from '../support/certificates.ts'
import { waitUntil } from '../support/redis.ts'
import { refusal, refusalOf } from '../support/refusal.ts'
import { reply, startUpstream, type Upstream } from '../support/upstream.ts'
import { accepts, type Place, type Sources, startPlace, untilIdle, WEBSOCKET } from './support.ts'

/** An https:// upstream is who the policy says, or nothing is sent to it: to HTTP and to WebSockets. */

let system: Authority
let own: Authority
let place: Place
let directory: string
const upstreams: Record<string, Upstream> = {}

async function open(id: string, from: Authority, leaf: LeafOptions = {}, more: TlsOptions = {}) {
  const { certText: cert, keyText: key } = from.issue(leaf)
  const upstream = await startUpstream({ tls: { cert, key, ...more } })
  upstreams[id] = upstream
  return upstream.url
}

/** The data sources, and what each is about. */
async function sources(): Promise<Sources> {
  const at = (url: string, more: object = {}) => ({
    upstream: { url, connectTimeout: '1s', credentials: { bearer: 'secret' }, ...more },
  })
  const named = { names: 'DNS:legacy.test' }
  const ours = { tls: { ca: own.ca } }
  const client = own.issue({ names: 'DNS:client.test' })
  const demands: TlsOptions = { requestCert: true, rejectUnauthorized: true, ca: own.caText }
  const shown = { cert: client.cert, key: client.key }
  const address = async (id: string) => (await open(id, own)).replace('localhost', '127.0.0.1')
  return {
    system: at(await open('system', system)),
    file: at(await open('file', own), ours),
    variable: at(await open('variable', own), { tls: { ca: `\${CA}` } }),
    included: at(await open('included', own), { tls: { ca: `\${file:${own.ca}}` } }),
    old: at(await open('old', own, {}, { maxVersion: 'TLSv1.2' }), ours),
    unknown: at(await open('unknown', own)),
    stricter: at(await open('stricter', system), ours),
    expired: at(await open('expired', own, { days: -1 }), ours),
    misnamed: at(await open('misnamed', own, named), ours),
    'misnamed-old': at(await open('misnamed-old', own, named, { maxVersion: 'TLSv1.2' }), ours),
    named: at(await open('named', own, named), { tls: { ca: own.ca, serverName: 'legacy.test' } }),
    'named-wrong': at(await open('named-wrong', own), {
      tls: { ca: own.ca, serverName: 'legacy.test' },
    }),
    preserve: {
      ...at(await open('preserve', own), { host: 'preserve', ...ours }),
      hosts: ['preserve.test', 'other-preserve.test'],
    },
    address: {
      ...at(await address('address'), { host: 'preserve', ...ours }),
      hosts: ['address.test', 'other-address.test'],
    },
    'address-unnamed': at(
      (await open('address-unnamed', own, { names: 'DNS:localhost' })).replace(
        'localhost',
        '127.0.0.1',
      ),
      ours,
    ),
    client: at(await open('client', own, {}, demands), { tls: { ca: own.ca, ...shown } }),
    'client-missing': at(await open('client-missing', own, {}, demands), ours),
  }
}

beforeAll(async () => {
  system = makeAuthority('system')
  own = makeAuthority('own')
  directory = mkdtempSync(join(tmpdir(), 'feide-gateway-tls-'))
  const all = await sources()
  const env = { SSL_CERT_FILE: system.ca, CA: own.caText }
  place = await startPlace(() => all, { origins: 0, env })
})
beforeEach(() => {
  for (const upstream of Object.values(upstreams)) {
    upstream.reset()
    upstream.answer = ({ target }) => (target.endsWith('/ws') ? accepts() : reply())
  }
})
afterAll(async () => {
  await place?.stop()
  for (const upstream of Object.values(upstreams)) await upstream.close()
  for (const authority of [system, own]) authority.remove()
  rmSync(directory, { recursive: true })
})

const ask = (source: string, host?: string) =>
  place.ask(source, {
    target: '/closed/a',
    token: place.issuer.token(),
    ...(host !== undefined && { host }),
  })
const upgrade = (source: string) => place.ask(source, { target: '/open/ws', headers: WEBSOCKET })

describe('requests and WebSockets go to an upstream', () => {
  test.each([
    ['whose certificate the system vouches for', 'system'],
    ['that a file of the policy vouches for', 'file'],
    ['that a variable of the policy vouches for', 'variable'],
    ['that an included file vouches for', 'included'],
    ['that knows TLS 1.2 alone', 'old'],
    ['whose certificate has the name that the policy says', 'named'],
    ['whose address is in its certificate', 'address'],
    ['that wants to see a certificate, and sees it', 'client'],
  ])('%s', async (_, source) => {
    const got = [(await ask(source)).status, (await upgrade(source)).status]
    const sent = upstreams[source]?.requests.map(({ target }) => target)
    expect({ got, sent }).toEqual({ got: [200, 101], sent: ['/closed/a', '/open/ws'] })
  })
})

describe('nothing is sent to an upstream', () => {
  test.each([
    ['that nobody vouches for', 'unknown', /^UNABLE_TO_VERIFY_LEAF_SIGNATURE: /],
    ['that the system vouches for, but not the policy', 'stricter', /^UNABLE_TO_VERIFY_LEAF/],
    ['whose certificate has expired', 'expired', /^CERT_HAS_EXPIRED: /],
    ['with another name', 'misnamed', /^ERR_TLS_CERT_ALTNAME_INVALID: /],
    ['with another name, in TLS 1.2', 'misnamed-old', /^ERR_TLS_CERT_ALTNAME_INVALID: /],
    ['without the name that the policy says', 'named-wrong', /^ERR_TLS_CERT_ALTNAME_INVALID: /],
    ['whose address is not in its certificate', 'address-unnamed', /^ERR_TLS_CERT_ALTNAME_INVAL/],
  ])('%s, however often it is tried', async (_, source, cause) => {
    for (let i = 0; i < 3; i++) {
      for (const answer of [await ask(source), await upgrade(source)]) {
        expect(refusalOf(answer)).toEqual(refusal('upstream_unavailable'))
        expect(answer.raw).not.toMatch(/127\.0\.0\.1|localhost|certificate/i)
      }
    }
    expect(upstreams[source]?.received).toBe('')
    const ofSource = () => place.gateway.logs.filter(({ dataSource }) => dataSource === source)
    await waitUntil(() => ofSource().length >= 6, 'not logged')
    for (const line of ofSource()) expect(line.cause).toMatch(cause)
    await untilIdle(place, source)
  })

  test('that wants to see a certificate, and sees none', async () => {
    const source = 'client-missing'
    for (const answer of [await ask(source), await upgrade(source)]) {
      expect(refusalOf(answer)).toEqual(refusal('upstream_unavailable'))
    }
    expect(upstreams[source]?.received).toBe('')
    await untilIdle(place, source)
  })
})

describe('the name that is asked for is', () => {
  const nameFor = async (source: string) => {
    const upstream = upstreams[source] as Upstream
    upstream.cut()
    await waitUntil(() => upstream.open === 0, 'not cut')
    upstream.connections.length = 0
    const statuses = [(await ask(source)).status, (await upgrade(source)).status]
    const sockets = upstream.connections.map(({ socket }) => socket as TLSSocket)
    return { asked: sockets.map(({ servername }) => servername), statuses }
  }
  const all = (name: string | false) => ({ asked: [name, name], statuses: [200, 101] })

  test('that of the URL', async () => expect(await nameFor('file')).toEqual(all('localhost')))
  test('that of the policy', async () => expect(await nameFor('named')).toEqual(all('legacy.test')))
  test("never the caller's, though the upstream gets that as Host", async () => {
    expect(await nameFor('preserve')).toEqual(all('localhost'))
    const hosts = upstreams.preserve?.requests.map(({ headers }) => headers[0]?.[1])
    expect(hosts).toEqual(['preserve.test', 'preserve.test'])
  })
  test('none where there is only an address', async () => {
    expect(await nameFor('address')).toEqual(all(false))
  })
  test('the same for all hosts, so that one connection serves them', async () => {
    for (const source of ['address', 'preserve']) {
      await nameFor(source)
      upstreams[source]?.reset()
      for (const host of [`${source}.test`, `other-${source}.test`, `${source}.test:1`]) {
        expect((await ask(source, host)).status).toBe(200)
      }
      const used = upstreams[source]?.connections.filter(({ requests }) => requests.length > 0)
      expect(used?.length).toBe(1)
    }
  })
})

test('an upstream that does not shake hands is given up after connectTimeout', async () => {
  const server: Server = createServer(socket => socket.on('error', () => {}).resume())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const upstream = { url: `https://localhost:${port}`, connectTimeout: '300ms', timeout: '60s' }
  const silent = await startPlace(() => ({ silent: { upstream } }), { origins: 0 })
  const answers = [
    await silent.ask('silent'),
    await silent.ask('silent', { target: '/open/ws', headers: WEBSOCKET }),
  ]
  for (const answer of answers) {
    expect(refusalOf(answer)).toEqual(refusal('upstream_timeout', { realm: 'silent' }))
  }
  await untilIdle(silent, 'silent')
  await silent.stop()
  server.close()
})

describe('a gateway that runs', () => {
  test('takes another authority when its file changes', async () => {
    const ca = join(directory, 'ca.pem')
    copyFileSync(system.ca, ca)
    const url = upstreams.file?.url
    const changing = await startPlace(() => ({ file: { upstream: { url, tls: { ca } } } }), {
      origins: 0,
    })
    expect((await changing.ask('file')).status).toBe(502)
    copyFileSync(own.ca, ca)
    await changing.gateway.waitForLog(({ msg }) => msg === 'policy reloaded', 8000)
    expect((await changing.ask('file')).status).toBe(200)
    await changing.stop()
  })

  test('keeps its policy where a new one has a key that TLS does not take', async () => {
    const weak = own.issue({ algorithm: ['RSA', '-pkeyopt', 'rsa_keygen_bits:1024'] })
    const running = await startPlace(([only]) => ({ api: { upstream: { url: only?.url } } }))
    const tls = { cert: weak.cert, key: weak.key }
    const next = { api: { upstream: { url: 'https://localhost:1', tls } } }
    void running.reload(next).catch(() => {})
    const failed = await running.gateway.waitForLog(({ msg }) => msg === 'policy reload failed')
    expect(String(failed.faults)).toMatch(/upstream\.tls\.cert: expected .*, got ee key too small$/)
    expect((await running.ask('api')).status).toBe(200)
    await running.stop()
  })
})
