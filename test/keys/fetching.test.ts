import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keySetFetcher } from '../../gateway/edge/issuer.ts'
import type { IssuerPolicy } from '../../gateway/policy/policy.ts'
import { waitUntil } from '../support/redis.ts'
import {
  type Answering,
  huge,
  type KeyServer,
  oneByteASecond,
  redirect,
  serving,
  startKeyServer,
  text,
} from './key-server.ts'

const DOCUMENT = { keys: [{ kty: 'RSA', kid: 'key-1' }] }
const sized = (bytes: number) => {
  const padding = bytes - JSON.stringify({ ...DOCUMENT, padding: '' }).length
  return JSON.stringify({ ...DOCUMENT, padding: 'x'.repeat(padding) })
}
const LIMIT = 256 * 1024

let server: KeyServer
let elsewhere: KeyServer
beforeAll(async () => {
  server = await startKeyServer(serving(() => DOCUMENT))
  elsewhere = await startKeyServer(serving(() => DOCUMENT))
})
afterAll(async () => {
  await Promise.all([server?.close(), elsewhere?.close()])
})

const rules = (more: Partial<IssuerPolicy>): IssuerPolicy => ({
  url: new URL(server.url).origin,
  allowHttp: false,
  algorithms: ['RS256'],
  clockTolerance: 0,
  maxLifetime: 0,
  ...more,
})

/** What a fetch comes to, with its address cut, and how long it took. */
async function fetched(more: Partial<IssuerPolicy> = { jwksUri: server.url }) {
  const fetchKeySet = keySetFetcher(rules(more))
  const before = performance.now()
  const result = await fetchKeySet().catch((error: Error) =>
    error.message.replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, '…'),
  )
  const took = performance.now() - before
  await fetchKeySet.close()
  return { result, took }
}

describe('the key set is fetched', () => {
  it.each<[string, string]>([
    ['as it stands', JSON.stringify(DOCUMENT)],
    ['up to 256 KiB', sized(LIMIT)],
  ])('%s', async (_name, body) => {
    server.answer = text(body)
    expect((await fetched()).result).toMatchObject(DOCUMENT)
  })

  it('through the discovery document, which is read once', async () => {
    const issuer = new URL(server.url).origin
    server.answer = (response, request) => {
      const isKeys = request.url === '/keys'
      const document = isKeys ? DOCUMENT : { issuer, jwks_uri: server.url }
      serving(() => document)(response, request)
    }
    server.asked.length = 0
    const fetchKeySet = keySetFetcher(rules({}))
    await fetchKeySet()
    await fetchKeySet()
    await fetchKeySet.close()
    expect(server.asked).toEqual(['/.well-known/openid-configuration', '/keys', '/keys'])
  })

  it('from where a new discovery document says, after a fetch that failed', async () => {
    const issuer = new URL(server.url).origin
    let uri = server.url
    server.answer = (response, request) => {
      if (request.url === '/keys') return text('gone', 'text/plain', 410)(response, request)
      serving(() => ({ issuer, jwks_uri: uri }))(response, request)
    }
    const fetchKeySet = keySetFetcher(rules({}))
    const first = await fetchKeySet().catch(() => 'failed')
    uri = elsewhere.url
    const second = await fetchKeySet()
    await fetchKeySet.close()
    expect([first, second]).toEqual(['failed', DOCUMENT])
  })
})

describe('the key set is not fetched, and the operator is told why, when the issuer answers with', () => {
  it.each<[string, Answering, string]>([
    ['a web page', text('<html>', 'text/html'), '…/keys: the answer is not JSON'],
    ['nothing', text(''), '…/keys: the answer is not JSON'],
    ['half a document', text('{"keys":['), '…/keys: the answer is not JSON'],
    ['500', text('{"keys":[]}', 'application/json', 500), '…/keys: status 500'],
    ['204', text('', 'application/json', 204), '…/keys: status 204'],
    [
      'one byte more than 256 KiB',
      text(sized(LIMIT + 1)),
      '…/keys: it is longer than 262144 bytes',
    ],
    [
      'a cut connection',
      response => response.socket?.destroy(),
      '…/keys: the connection was closed',
    ],
  ])('%s', async (_name, answer, message) => {
    server.answer = answer
    expect((await fetched()).result).toBe(message)
  })

  it.each([301, 302, 303, 307, 308])('a redirect (%i), which nobody follows', async status => {
    server.answer = redirect(elsewhere.url, status)
    elsewhere.asked.length = 0
    expect([(await fetched()).result, elsewhere.asked]).toEqual([`…/keys: status ${status}`, []])
  })

  it('300 MB, of which it takes little more than 256 KiB', async () => {
    let sent = 0
    server.answer = huge(bytes => {
      sent += bytes
    })
    const { result } = await fetched()
    expect(result).toBe('…/keys: it is longer than 262144 bytes')
    // The rest has only gone as far as the buffers of the two sockets.
    expect(sent).toBeLessThan(30_000_000)
  })

  it.each<[string, Answering]>([
    ['one byte a second', oneByteASecond],
    ['nothing at all', () => {}],
  ])('%s: it gives up after 5 s', { concurrent: true }, async (name, answer) => {
    const slow = await startKeyServer(answer)
    const { result, took } = await fetched({ jwksUri: slow.url })
    await slow.close()
    expect([name, result]).toEqual([name, '…/keys: it took too long'])
    expect(took).toBeGreaterThan(4900)
    expect(took).toBeLessThan(8000)
  })

  it('another issuer’s discovery document', async () => {
    server.answer = serving(() => ({ issuer: 'https://evil.example', jwks_uri: elsewhere.url }))
    const { result } = await fetched({})
    expect(result).toBe('discovery: its issuer is not …')
  })

  it.each<[string, unknown, string]>([
    ['no address', undefined, 'discovery: no jwks_uri'],
    ['an address that is none', 'keys', 'discovery: no jwks_uri'],
    ['an address without TLS', 'http://keys.example.no/', 'discovery: its jwks_uri is not https'],
    ['an address of a file', 'file:///etc/passwd', 'discovery: its jwks_uri is not https'],
  ])('a discovery document that has %s', async (_name, jwks_uri, message) => {
    server.answer = serving(() => ({ issuer: new URL(server.url).origin, jwks_uri }))
    expect((await fetched({})).result).toBe(message)
  })
})

describe('an issuer that takes no connections', () => {
  /** Listens, is stopped, and its queue of connections is filled: the next one is never taken. */
  const LISTEN = `require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 },
    function () { process.stdout.write(String(this.address().port)) })`

  it('costs 2 s, not 5', async () => {
    const child = spawn(process.execPath, ['-e', LISTEN], { stdio: ['ignore', 'pipe', 'ignore'] })
    const port = await new Promise<number>(resolve => child.stdout.once('data', resolve)).then(
      Number,
    )
    child.kill('SIGSTOP')
    const fillers = Array.from({ length: 8 }, () =>
      connect(port, '127.0.0.1').on('error', () => {}),
    )
    await waitUntil(() => fillers.some(({ connecting }) => !connecting), 'nobody got through')
    const { result, took } = await fetched({ jwksUri: `http://127.0.0.1:${port}/keys` })
    for (const filler of fillers) filler.destroy()
    child.kill('SIGKILL')
    expect(result).toMatch(/^…\/keys: no connection within 2000 ms/)
    expect(took).toBeLessThan(4900)
  })
})
