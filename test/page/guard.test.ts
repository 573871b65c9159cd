import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { policy } from '../support/policy.ts'
import { waitUntil } from '../support/redis.ts'
import { startWorld, type World } from '../support/world.ts'
import { askPage, headerOf, postForm, textOf } from './support.ts'

/** Who may see the page for operators, and what else may be done with it: nothing. */

const PARTS = ['/', '/page.css', '/page.js', '/icon.svg', '/events', '/explain']
const PROBES = ['/healthz', '/metrics', '/status']
const SECRET = 'a-secret-of-the-page'
const NOBODY = { issuer: 'http://127.0.0.1:1', upstream: 'http://127.0.0.1:1' }

let world: World
let port: number
beforeAll(async () => {
  world = await startWorld()
  port = world.gateway.adminPort
})
afterAll(() => world.stop())

describe('the page', () => {
  test('is shown on a loopback address', async () => {
    const answer = await askPage(port)
    expect([answer.status, headerOf(answer, 'content-type')]).toEqual([
      200,
      'text/html; charset=UTF-8',
    ])
    expect(textOf(answer, 'summary')).toBe('✓ Everything works')
  })
  test('may load and send nothing but its own, and is kept by nobody', async () => {
    const names = [
      'content-security-policy',
      'x-content-type-options',
      'x-frame-options',
      'referrer-policy',
      'cache-control',
      'cross-origin-opener-policy',
      'cross-origin-resource-policy',
    ]
    const expected = [
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      'nosniff',
      'DENY',
      'no-referrer',
      'no-store',
      'same-origin',
      'same-origin',
    ]
    for (const target of ['/', '/page.css', '/page.js', '/icon.svg']) {
      const answer = await askPage(port, { target })
      expect([target, ...names.map(name => headerOf(answer, name))]).toEqual([target, ...expected])
    }
    const refused = await askPage(port, { host: 'evil.example' })
    expect(names.map(name => headerOf(refused, name))).toEqual(expected)
  })
  test('has no script, style or handler in itself, and names no other site', async () => {
    const { body } = await askPage(port)
    expect(body.match(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|javascript:/g)).toBeNull()
    const addresses = [...body.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, to]) => to)
    expect(addresses.filter(to => /^(?:[a-z]+:|\/)/.test(to ?? ''))).toEqual([])
  })
  test.for(['PUT', 'DELETE', 'PATCH', 'POST'])('is read only: %s', async method => {
    const answer = await askPage(port, { method, headers: { 'Content-Length': '0' } })
    expect(answer.status).toBe(404)
  })
  test('answers HEAD without a body', async () => {
    const answer = await askPage(port, { method: 'HEAD' })
    expect([answer.status, answer.body]).toEqual([200, ''])
  })
})

describe('a name of the outside that leads to this machine (DNS rebinding)', () => {
  test.for(PARTS)('does not get %s', async target => {
    const answer = await askPage(port, { target, host: `evil.example:${port}` })
    expect([answer.status, headerOf(answer, 'content-type')]).toEqual([
      403,
      'text/plain; charset=UTF-8',
    ])
    expect(answer.body).toContain('localhost and 127.0.0.1 alone')
  })
  test.for([
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil.example#localhost',
    'evil.example@localhost',
    'localhost@evil.example',
    '10.0.0.1',
    '127.1.evil',
    '[::2]',
    '0.0.0.0',
    '',
  ])('is not taken for this machine: %s', async host => {
    expect((await askPage(port, { host })).status).toBeGreaterThanOrEqual(400)
  })
  test.for(['localhost', 'localhost:1', '127.0.0.1', '127.8.8.8:80', '[::1]:9090', 'LOCALHOST'])(
    'is none: %s',
    async host => {
      expect((await askPage(port, { host })).status).toBe(200)
    },
  )
})

describe('the form', () => {
  const OWN = { url: '/health' }
  const keyOf = async () =>
    /name="key" value="([^"]+)"/.exec((await askPage(port)).body)?.[1] ?? 'none'

  test.for([
    ['another site, as browsers say', { 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['another port of this machine', { 'Sec-Fetch-Site': 'same-site' }, 403],
    ['nowhere at all', { 'Sec-Fetch-Site': 'none' }, 403],
    ['another origin', { Origin: 'http://evil.example' }, 403],
    ['an origin that is hidden', { Origin: 'null' }, 403],
    ['the page, as browsers say', { 'Sec-Fetch-Site': 'same-origin', Origin: 'null' }, 200],
    ['no browser', {}, 200],
  ] as const)('from %s', async ([, headers, status]) => {
    expect((await postForm(port, OWN, headers)).status).toBe(status)
  })
  test('from the page, where a browser says nothing but an origin', async () => {
    const own = { Origin: `http://127.0.0.1:${port}` }
    expect((await postForm(port, OWN, own)).status).toBe(200)
    const behindTls = { Origin: `https://127.0.0.1:${port}` }
    expect((await postForm(port, OWN, behindTls)).status).toBe(200)
    const hidden = { Origin: 'null' }
    expect((await postForm(port, { ...OWN, key: await keyOf() }, hidden)).status).toBe(200)
  })
  test('with a key of its own does not pass from another site', async () => {
    const form = { ...OWN, key: await keyOf() }
    expect((await postForm(port, form, { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403)
  })
  test('is not larger than a token needs', async () => {
    expect((await postForm(port, { ...OWN, token: 'x'.repeat(70_000) })).status).toBe(413)
  })
})

describe('the stream', () => {
  const open = () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(`GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    const head = new Promise<string>(resolve =>
      socket.once('data', bytes => resolve(bytes.toString().split('\r\n')[0] ?? '')),
    )
    return { socket, head }
  }
  test('is kept by nobody, and says what it is', async () => {
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const head = await new Promise<string>(resolve => {
      socket.once('data', bytes => resolve(bytes.toString()))
    })
    socket.destroy()
    expect(head).toMatch(/^cache-control: no-store\r$/im)
    expect(head).toMatch(/^content-type: text\/event-stream\r$/im)
    expect(head).toMatch(/^content-security-policy: default-src 'none'/im)
  })
  test('is for the page alone', async () => {
    const headers = { 'Sec-Fetch-Site': 'cross-site' }
    expect((await askPage(port, { target: '/events', headers })).status).toBe(403)
  })
  test('is for a bounded number of watchers, and free again when they leave', async () => {
    const streams = Array.from({ length: 20 }, open)
    for (const { head } of streams) expect(await head).toBe('HTTP/1.1 200 OK')
    expect((await askPage(port, { target: '/events' })).status).toBe(503)
    for (const { socket } of streams) socket.destroy()
    let said = ''
    const again = async () => {
      const next = open()
      said = await next.head
      next.socket.destroy()
      return said === 'HTTP/1.1 200 OK'
    }
    await waitUntil(again, () => said)
  })
})

describe('on another address than a loopback one', () => {
  const LISTEN = '0.0.0.0:0'
  const basic = (user: string, password: string) =>
    `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

  describe('without a secret', () => {
    let gateway: Gateway
    beforeAll(async () => {
      gateway = await startGateway(policy({ ...NOBODY, admin: LISTEN }))
    })
    afterAll(() => gateway.stop())

    test.for(PARTS)('%s is not served, and says why', async target => {
      const answer = await askPage(gateway.adminPort, { target })
      expect(answer.status).toBe(403)
      expect(answer.body).toContain('Give it a secret in the policy')
    })
    test.for(PROBES)('%s is', async target => {
      expect((await askPage(gateway.adminPort, { target })).status).toBe(200)
    })
  })

  describe('with a secret', () => {
    let gateway: Gateway
    beforeAll(async () => {
      gateway = await startGateway(
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the policy file
        policy({ ...NOBODY, admin: { listen: LISTEN, secret: '${ADMIN_SECRET}' } }),
        { env: { ADMIN_SECRET: SECRET } },
      )
    })
    afterAll(() => gateway.stop())

    test.for(PARTS)('%s asks for it, in a way that browsers understand', async target => {
      const answer = await askPage(gateway.adminPort, { target })
      expect([answer.status, headerOf(answer, 'www-authenticate')]).toEqual([
        401,
        'Basic realm="feide-gateway", charset="UTF-8"',
      ])
    })
    test.for(PROBES)('%s does not', async target => {
      expect((await askPage(gateway.adminPort, { target })).status).toBe(200)
    })
    test.for([
      ['bearer', `Bearer ${SECRET}`, 200],
      ['the password of anybody', basic('anybody', SECRET), 200],
      ['the password of nobody', basic('', SECRET), 200],
      ['any case', `bAsIc ${basic('a', SECRET).slice(6)}`, 200],
      ['as a user name', basic(SECRET, ''), 401],
      ['with something before it', basic('a', `x${SECRET}`), 401],
      ['a part of it', `Bearer ${SECRET.slice(0, -1)}`, 401],
      ['more than it', `Bearer ${SECRET}x`, 401],
      ['nothing', 'Bearer', 401],
      ['an empty password', basic('a', ''), 401],
      ['another scheme', `Digest ${SECRET}`, 401],
      ['no base64', 'Basic %%%', 401],
    ] as const)('it is taken as %s', async ([, Authorization, status]) => {
      const { adminPort } = gateway
      const seen = await askPage(adminPort, { headers: { Authorization } })
      expect(seen.status).toBe(status)
    })
    test('any name of the host will do', async () => {
      const headers = { Authorization: `Bearer ${SECRET}` }
      const answer = await askPage(gateway.adminPort, { host: 'gateway.example.no', headers })
      expect(answer.status).toBe(200)
    })
    test('it is on no page, and in no log', async () => {
      const headers = { Authorization: `Bearer ${SECRET}` }
      const { body } = await askPage(gateway.adminPort, { headers })
      const status = await (await gateway.admin('/status')).text()
      expect(body + status + gateway.logText + gateway.errorText).not.toContain(SECRET)
    })
  })

  test('a secret is asked for on a loopback address too, where there is one', async () => {
    const gateway = await startGateway(
      policy({ ...NOBODY, admin: { listen: '127.0.0.1:0', secret: SECRET } }),
    )
    expect((await askPage(gateway.adminPort)).status).toBe(401)
    await gateway.stop()
  })
})
