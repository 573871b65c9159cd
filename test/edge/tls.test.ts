import { execFile } from 'node:child_process'
import { connect as connectPlain } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { count } from '../life/support.ts'
import { type Answer, parseAnswers, request, sendOne } from '../support/raw.ts'
import { codeOf } from '../support/refusal.ts'
import { reply } from '../support/upstream.ts'
import { openSession, tlsWorld, until } from './support.ts'

const run = promisify(execFile)

const world = tlsWorld({
  limits: { headerTimeout: '3s' },
  dataSources: { grades: { routes: { 'ANY /open/**': 'public' } } },
})

/** What a handshake came to: version and protocol, or the alert that ended it. */
function handshake(options: ConnectionOptions): Promise<[string | null, string | false | null]> {
  const given = { rejectUnauthorized: false, servername: 'localhost', ...options }
  return new Promise(resolve => {
    const socket = connect({ port: world().gateway.port, host: '127.0.0.1', ...given })
    socket.once('secureConnect', () => {
      resolve([socket.getProtocol(), socket.alpnProtocol])
      socket.destroy()
    })
    socket.once('error', error => resolve(['none', 'code' in error ? String(error.code) : '']))
  })
}
const failures = (reason: string) =>
  count(world().gateway, 'feide_gateway_tls_failures_total', { reason })

describe('a handshake', () => {
  test.each<[string, ConnectionOptions, [string, string | false]]>([
    ['agrees on HTTP/2', { ALPNProtocols: ['h2', 'http/1.1'] }, ['TLSv1.3', 'h2']],
    ['prefers HTTP/2', { ALPNProtocols: ['http/1.1', 'h2'] }, ['TLSv1.3', 'h2']],
    ['agrees on HTTP/1.1', { ALPNProtocols: ['http/1.1'] }, ['TLSv1.3', 'http/1.1']],
    ['needs no ALPN', {}, ['TLSv1.3', false]],
    ['takes TLS 1.2', { maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] }, ['TLSv1.2', 'h2']],
    [
      'refuses TLS 1.1',
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
      ['none', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
    ],
    [
      'refuses a protocol that is not served',
      { ALPNProtocols: ['spdy/3'] },
      ['none', 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'],
    ],
  ])('%s', async (_, options, expected) => {
    expect(await handshake(options)).toEqual(expected)
  })

  test('that fails is counted by its reason', async () => {
    const before = await Promise.all(['version', 'protocol'].map(failures))
    await handshake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' })
    await handshake({ ALPNProtocols: ['spdy/3'] })
    expect(await Promise.all(['version', 'protocol'].map(failures))).toEqual(
      before.map(number => number + 1),
    )
  })

  test('that does not go on is let go after limits.headerTimeout', async () => {
    const socket = connectPlain(world().gateway.port, '127.0.0.1')
    socket.on('error', () => {})
    let closed = false
    socket.resume().on('close', () => {
      closed = true
    })
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]))
    expect(await until(() => closed)).toBe(true)
    expect(await failures('timeout')).toBeGreaterThan(0)
  })
})

test('plain HTTP is answered so that a person understands', async () => {
  const answer = await sendOne(world().gateway.port, request({ target: '/open/a' }))
  expect([answer.status, codeOf(answer), JSON.parse(answer.body).detail]).toEqual([
    400,
    'request_malformed',
    'This port speaks TLS: ask with https://',
  ])
  expect(await failures('plain_http')).toBe(1)
})

/** Bytes over TLS, and all answers to them until the connection closes or says enough. */
function sendTls(bytes: Buffer, enough: (answers: Answer[]) => boolean): Promise<Answer[]> {
  const to = { port: world().gateway.port, host: '127.0.0.1', rejectUnauthorized: false }
  const socket = connect({ ...to, ALPNProtocols: ['http/1.1'] })
  let text = ''
  return new Promise(resolve => {
    const look = (closed: boolean) => {
      const answers = parseAnswers(text, ['GET', 'GET', 'GET'], closed)
      if (!closed && !enough(answers)) return
      socket.destroy()
      resolve(answers)
    }
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      look(false)
    })
    socket.on('error', () => {})
    socket.on('close', () => look(true))
    socket.write(bytes)
  })
}

describe('HTTP/1.1 over TLS is what it is without', () => {
  test('requests that do not wait for answers take turns', async () => {
    const three = ['1', '2', '3'].map(name => request({ target: `/open/${name}` }))
    world().upstream.answer = ({ target }) => reply({ body: target })
    const answers = await sendTls(Buffer.concat(three), all => all.length === 3)
    expect(answers.map(({ body }) => body)).toEqual(['/open/1', '/open/2', '/open/3'])
  })

  test('headers that are late are 408', async () => {
    const [answer] = await sendTls(Buffer.from('GET /open/a HTTP/1.1\r\nHost: a\r\n'), () => false)
    expect([answer?.status, answer && codeOf(answer)]).toEqual([408, 'request_timeout'])
  })

  test('what is no request is 400', async () => {
    const [answer] = await sendTls(Buffer.from('GARBAGE\r\n\r\n'), () => false)
    expect([answer?.status, answer && codeOf(answer)]).toEqual([400, 'request_malformed'])
  })

  test('a WebSocket goes through', async () => {
    world().upstream.answer = () =>
      reply({ status: 101, bare: true, headers: { Connection: 'Upgrade', Upgrade: 'websocket' } })
    const socket = connect({
      port: world().gateway.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
    })
    let text = ''
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
    })
    socket.write(
      request({
        target: '/open/ws',
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        },
      }),
    )
    expect(await until(() => text.startsWith('HTTP/1.1 101 '))).toBe(true)
    socket.write('hello')
    expect(await until(() => text.endsWith('hello'))).toBe(true)
    socket.destroy()
  })
})

test('HTTP/2 says that it has no WebSockets (RFC 8441) and no push', async () => {
  const session = openSession(world().gateway.port)
  await new Promise(resolve => session.once('remoteSettings', resolve))
  const { enableConnectProtocol, enablePush, maxConcurrentStreams } = session.remoteSettings
  session.destroy()
  expect({ enableConnectProtocol, enablePush, maxConcurrentStreams }).toEqual({
    enableConnectProtocol: false,
    enablePush: false,
    maxConcurrentStreams: 100,
  })
})

const features = await run('curl', ['--version']).then(
  ({ stdout }) => stdout,
  () => '',
)
const hasCurl = features.includes('HTTP2')
if (!hasCurl) console.warn('NOT TESTED: there is no curl with HTTP/2 here')

describe.skipIf(!hasCurl)('curl', () => {
  const curl = async (...args: string[]) => {
    const url = `https://127.0.0.1:${world().gateway.port}/open/a`
    const written = ['-s', '-k', '-o', '/dev/null', '-w', '%{http_version} %{http_code}']
    return (await run('curl', [...written, ...args, url])).stdout
  }
  test.each([
    ['speaks HTTP/2', ['--http2'], '2 200'],
    ['speaks HTTP/1.1', ['--http1.1'], '1.1 200'],
    ['sends a body', ['--http2', '-d', 'hello'], '2 200'],
    ['sends a body of unknown length', ['--http2', '-T', 'package.json'], '2 200'],
    ['asks for a head', ['--http2', '-I'], '2 200'],
    ['waits to be told to send', ['--http2', '-H', 'Expect: 100-continue', '-d', 'a'], '2 200'],
  ])('%s', async (_, args, expected) => {
    expect(await curl(...args)).toBe(expected)
  })
})
