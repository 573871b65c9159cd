import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { identityOf } from '../contract/stage.ts'
import { CLIENT_ID, USER_ID } from '../support/issuer.ts'
import { headerOf, reply } from '../support/upstream.ts'
import type { HeaderList } from '../support/wire.ts'
import { type Ask, ask, open, tlsWorld, until, VERSIONS, valuesOf } from './support.ts'

/** What holds for callers over TLS, whatever version of HTTP they speak. */

const world = tlsWorld({
  limits: { bodyIdle: '1500ms', requestTimeout: '4s' },
  dataSources: {
    grades: {
      maxBody: '64KiB',
      upstream: {
        credentials: { basic: { username: 'dataporten', password: 'secret' } },
        idleTimeout: '5s',
      },
      headers: { inject: { 'X-User-Name': { claim: 'name' } } },
      routes: {
        'GET /courses': { scopes: ['read'] },
        'GET /admin': { scopes: ['admin'] },
        'GET,POST /me': 'authenticated',
        'GET /user': { scopes: ['read'], principal: 'user' },
        'ANY /open/**': 'public',
      },
    },
  },
})

describe.each(VERSIONS)('%s over TLS', version => {
  const asking = (parts: Ask) => ask(version, world().gateway.port, parts)
  const calling = (parts: Ask) => open(version, world().gateway.port, parts)
  const seen = () => {
    const [request, ...more] = world().upstream.requests
    if (!request || more.length > 0) throw new Error(`${more.length + 1} requests arrived`)
    return request
  }
  const codeOf = (answer: { readonly body: Buffer }) => JSON.parse(answer.body.toString()).code

  describe('what the upstream is told', () => {
    const IDENTITY: HeaderList = [
      ['X-Dataporten-clientid', CLIENT_ID],
      ['X-Dataporten-gatekeeper', 'grades'],
      ['X-Dataporten-scopes', 'append,read'],
      ['X-Dataporten-userid', USER_ID],
      ['X-Dataporten-userid-sec', 'feide:asbjorn@example.no'],
    ]
    const FORGED: HeaderList = [
      ['x-dataporten-userid', 'forged'],
      ['x_dataporten_userid', 'forged'],
      ['x-dataporten.userid', 'forged'],
      ['x-feideconnect-userid', 'forged'],
      ['x-user-name', 'forged'],
      ['x_user_name', 'forged'],
      ['x-forwarded-for', '6.6.6.6'],
      ['x-forwarded-proto', 'http'],
      ['x-real-ip', '6.6.6.6'],
      ['proxy', 'http://evil.test'],
      ['proxy-authorization', 'Basic Zm9v'],
      ['x-http-method-override', 'DELETE'],
      ['te', 'trailers'],
    ]

    test('is what the token says, whatever the caller says', async () => {
      const token = world().issuer.token()
      const answer = await asking({ path: '/courses?a=%20b', headers: FORGED, token })
      const request = seen()
      expect({
        status: answer.status,
        line: [request.method, request.target],
        identity: identityOf(request),
        others: ['x-user-name', 'authorization', 'x-forwarded-for', 'x-forwarded-proto'].map(name =>
          headerOf(request, name),
        ),
        forged: request.raw.includes('forged') || request.raw.includes('6.6.6.6'),
      }).toEqual({
        status: 200,
        line: ['GET', '/courses?a=%20b'],
        identity: IDENTITY,
        others: [
          ['Asbjorn Hansen'],
          [`Basic ${Buffer.from('dataporten:secret').toString('base64')}`],
          ['127.0.0.1'],
          ['https'],
        ],
        forged: false,
      })
    })

    test('a system has no user id, also when it brings one', async () => {
      await asking({ path: '/me', headers: FORGED, token: world().issuer.systemToken() })
      expect(identityOf(seen()).map(([name]) => name)).toEqual([
        'X-Dataporten-clientid',
        'X-Dataporten-gatekeeper',
        'X-Dataporten-scopes',
      ])
    })

    test('nobody is somebody on a public route', async () => {
      await asking({ path: '/open/a', headers: FORGED })
      expect(identityOf(seen())).toEqual([['X-Dataporten-gatekeeper', 'grades']])
    })

    test('its own host, the host that was asked for, and the id of the request', async () => {
      const headers: HeaderList = [['x-request-id', 'mine']]
      const answer = await asking({ path: '/open/a', headers, host: 'api.example.no:8443' })
      const told = ['host', 'x-forwarded-host', 'x-request-id'].map(name => headerOf(seen(), name))
      expect({ told, answered: valuesOf(answer, 'x-request-id') }).toEqual({
        told: [[`127.0.0.1:${world().upstream.port}`], ['api.example.no:8443'], ['mine']],
        answered: ['mine'],
      })
    })

    test('headers pass in order, values in latin1', async () => {
      const headers: HeaderList = [
        ['x-b', '1'],
        ['accept', 'a/b'],
        ['x-a', 'bl\xe5b\xe6r'],
        ['x-b', '2'],
      ]
      await asking({ path: '/open/a', headers })
      const names = ['x-a', 'x-b', 'accept']
      const passed = seen().headers.filter(([name]) => names.includes(name.toLowerCase()))
      expect(passed.map(([name, value]) => [name.toLowerCase(), value])).toEqual(headers)
    })
  })

  describe('refusals', () => {
    const meta = 'resource_metadata="https://gateway.test/.well-known/oauth-protected-resource"'
    const long = 'x'.repeat(17_000)
    test.each<[string, Ask, number, string, string?]>([
      ['an unknown path', { path: '/nowhere' }, 404, 'route_unknown'],
      ['an ambiguous path', { path: '/open/%2e%2e/admin' }, 400, 'path_ambiguous'],
      ['bytes beyond ASCII in the path', { path: '/open/a;b' }, 400, 'path_ambiguous'],
      ['another method', { path: '/courses', method: 'DELETE' }, 405, 'method_not_allowed'],
      ['TRACE', { path: '/open/a', method: 'TRACE' }, 405, 'method_not_allowed'],
      ['no token', { path: '/courses' }, 401, 'token_missing', `Bearer realm="grades", ${meta}`],
      ['a malformed host', { path: '/open/a', host: 'a%41' }, 400, 'request_malformed'],
      ['a target too long', { path: `/open/${long}` }, 414, 'target_too_long'],
      [
        'two tokens',
        { path: '/me', token: 'a', headers: [['authorization', 'Bearer b']] },
        400,
        'request_malformed',
      ],
      [
        'too many headers',
        { path: '/open/a', headers: Array.from({ length: 100 }, (_, i) => [`x-${i}`, 'v']) },
        431,
        'headers_too_many',
      ],
      [
        'headers too large',
        {
          path: '/open/a',
          headers: [
            ['x-a', long],
            ['x-b', long],
          ],
        },
        431,
        'headers_too_large',
      ],
    ])('%s', async (_, parts, status, code, challenge) => {
      const answer = await asking(parts)
      expect({
        status: answer.status,
        code: codeOf(answer),
        type: valuesOf(answer, 'content-type'),
        ids: valuesOf(answer, 'x-request-id'),
        challenge: valuesOf(answer, 'www-authenticate'),
        arrived: world().upstream.requests.length,
      }).toEqual({
        status,
        code,
        type: ['application/problem+json'],
        ids: [JSON.parse(answer.body.toString()).requestId],
        challenge: challenge === undefined ? [] : [challenge],
        arrived: 0,
      })
    })

    test('a scope that is missing is named', async () => {
      const answer = await asking({ path: '/admin', token: world().issuer.token() })
      const [challenge] = valuesOf(answer, 'www-authenticate')
      expect([answer.status, codeOf(answer), challenge]).toEqual([
        403,
        'scope_missing',
        `Bearer realm="grades", error="insufficient_scope", scope="admin", ${meta}`,
      ])
    })

    test('the metadata that they point to is about an https resource', async () => {
      const answer = await asking({ path: '/.well-known/oauth-protected-resource' })
      expect(JSON.parse(answer.body.toString()).resource).toBe('https://gateway.test')
    })
  })

  describe('answers', () => {
    const answering = (bytes: string | Buffer) => {
      world().upstream.answer = () => bytes
      return asking({ path: '/open/a' })
    }

    test('pass with status and headers, in order, hop by hop headers aside', async () => {
      const answer = await answering(
        'HTTP/1.1 207 Whatever\r\nSet-Cookie: a=1\r\nX-B: bl\xe5\r\nConnection: x-hop\r\nX-Hop: 1\r\n' +
          'Keep-Alive: timeout=1\r\nSet-Cookie: b=2\r\nX-Empty:\r\nSet-Cookie: a=3\r\nDate: then\r\n' +
          'Content-Length: 2\r\n\r\nok',
      )
      const ours = ['x-request-id', 'connection', 'keep-alive']
      const passed = answer.headers
        .map(([name, value]) => [name.toLowerCase(), value])
        .filter(([name = '']) => !ours.includes(name))
      expect({ status: answer.status, passed, body: answer.body.toString() }).toEqual({
        status: 207,
        passed: [
          ['set-cookie', 'a=1'],
          ['x-b', 'bl\xe5'],
          ['set-cookie', 'b=2'],
          ['x-empty', ''],
          ['set-cookie', 'a=3'],
          ['date', 'then'],
          ['content-length', '2'],
        ],
        body: 'ok',
      })
    })

    test('headers that are there twice though once would do stay as they are', async () => {
      const bytes = reply({
        headers: [
          ['Content-Type', 'a/b'],
          ['Content-Type', 'c/d'],
        ],
      })
      expect(valuesOf(await answering(bytes), 'content-type')).toEqual(['a/b', 'c/d'])
    })

    test('to HEAD have the headers of a body, and none', async () => {
      world().upstream.answer = () => 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-A: b\r\n\r\n'
      const answer = await asking({ path: '/open/a', method: 'HEAD' })
      expect([
        answer.status,
        valuesOf(answer, 'content-length'),
        valuesOf(answer, 'x-a'),
        answer.body.length,
      ]).toEqual([200, ['1000'], ['b'], 0])
    })

    test('to HEAD that are refusals have no body either', async () => {
      const answer = await asking({ path: '/nowhere', method: 'HEAD' })
      expect([answer.status, answer.body.length]).toEqual([404, 0])
    })

    test.each([
      ['204', 'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n'],
      ['304', 'HTTP/1.1 304 Not Modified\r\nX-A: b\r\nETag: "x"\r\n\r\n'],
    ])('with %s have none', async (status, bytes) => {
      const answer = await answering(bytes)
      expect([answer.status, valuesOf(answer, 'x-a'), answer.body.length]).toEqual([
        Number(status),
        ['b'],
        0,
      ])
    })

    test('with 205 have none, and end', async () => {
      const answer = await answering('HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n')
      expect([answer.status, answer.body.length]).toEqual([205, 0])
    })

    test('whose status HTTP does not know are 502', async () => {
      const answer = await answering('HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n')
      expect([answer.status, codeOf(answer)]).toEqual([502, 'upstream_unavailable'])
    })

    test('come event by event', async () => {
      let send = (_text: string) => {}
      world().upstream.answer = (_request, socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')
        send = text => void socket.write(text)
        return undefined
      }
      const call = calling({ path: '/open/events' })
      call.out.end()
      expect((await call.head).status).toBe(200)
      const body = await call.body
      let text = ''
      body.on('data', chunk => {
        text += chunk
      })
      const heard: boolean[] = []
      for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) {
        send(event)
        heard.push(await until(() => text.endsWith(event)))
      }
      call.cancel()
      expect({ heard, text }).toEqual({
        heard: [true, true, true],
        text: 'data: 1\n\ndata: 2\n\ndata: 3\n\n',
      })
    })

    test.each([
      ['of a declared length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this'],
      ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n'],
    ])('that break off %s are seen to be broken', async (_, bytes) => {
      world().upstream.answer = (_request, socket) => void socket.end(bytes)
      const call = calling({ path: '/open/a' })
      call.out.end()
      const body = await call.body
      body.resume()
      expect([(await call.head).status, await call.end]).toEqual([200, 'broken'])
    })
  })

  test.each<[string, Ask, object]>([
    ['an answer', { path: '/open/a', method: 'POST', body: 'x'.repeat(60_000) }, { status: 200 }],
    ['a refusal', { path: '/nowhere', method: 'POST', body: 'x' }, { status: 404 }],
    ['an answer to HEAD', { path: '/open/a', method: 'HEAD' }, { status: 200 }],
  ])('the log tells of %s that was whole', async (_, parts, expected) => {
    world().upstream.answer = ({ method }) =>
      method === 'HEAD' ? reply({ body: '' }) : reply({ body: 'y'.repeat(200_000) })
    const [id = ''] = valuesOf(await asking(parts), 'x-request-id')
    const line = await world().gateway.waitForLog(({ requestId }) => requestId === id)
    expect({ status: line.status, aborted: line.aborted }).toEqual({
      ...expected,
      aborted: undefined,
    })
  })

  describe('bodies', () => {
    test.each<[string, string, HeaderList, string[]]>([
      ['of a known length', 'POST', [['content-length', '5']], ['content-length: 5']],
      ['of an unknown length', 'POST', [], ['transfer-encoding: chunked']],
      ['of a DELETE', 'DELETE', [], ['transfer-encoding: chunked']],
    ])('%s are framed anew', async (_, method, headers, framing) => {
      const call = calling({ path: '/open/a', method, headers: [...headers] })
      call.out.write('he')
      call.out.end('llo')
      expect((await call.head).status).toBe(200)
      const request = seen()
      const names = ['content-length', 'transfer-encoding']
      const framed = request.headers
        .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
        .filter(line => names.includes(line.split(':')[0] ?? ''))
      expect({ body: request.body.toString(), framed }).toEqual({ body: 'hello', framed: framing })
    })

    test('that are declared too large are refused at once, 413', async () => {
      const call = calling({
        path: '/open/a',
        method: 'POST',
        headers: [['content-length', '70000']],
      })
      call.out.write('start')
      const { status } = await call.head
      ;(await call.body).resume()
      expect([status, await call.end, world().upstream.received]).toEqual([413, 'whole', ''])
      call.cancel()
    })

    test('that turn out too large are refused, and no whole one arrives', async () => {
      const call = calling({ path: '/open/a', method: 'POST' })
      const piece = Buffer.alloc(16 * 1024, 'x')
      for (let i = 0; i < 6; i++) call.out.write(piece)
      const { status } = await call.head
      ;(await call.body).resume()
      expect([status, await call.end, world().upstream.requests]).toEqual([413, 'whole', []])
      call.cancel()
    })

    test('that pause for too long are refused, 408', async () => {
      const call = calling({ path: '/open/a', method: 'POST' })
      call.out.write('start')
      expect([(await call.head).status, world().upstream.requests]).toEqual([408, []])
      call.cancel()
    })

    test('that take too long on the whole are refused, 408', async () => {
      const call = calling({ path: '/open/a', method: 'POST' })
      let left = 200
      const dribble = async () => {
        for (; left > 0; left--, await sleep(50)) call.out.write('x')
      }
      const dribbling = dribble()
      const { status } = await call.head
      const goesOn = left > 0
      left = 0
      await dribbling
      call.cancel()
      expect({ status, goesOn, arrived: world().upstream.requests }).toEqual({
        status: 408,
        goesOn: true,
        arrived: [],
      })
    })

    test('an answer that comes before their end is whole', async () => {
      const text = 'y'.repeat(300_000)
      world().upstream.onHead = (_request, socket) => void socket.write(reply({ body: text }))
      world().upstream.answer = () => undefined
      const call = calling({ path: '/open/a', method: 'POST' })
      call.out.write('start')
      const { status } = await call.head
      let length = 0
      ;(await call.body).on('data', chunk => {
        length += chunk.length
      })
      expect([status, await call.end, length]).toEqual([200, 'whole', text.length])
      call.cancel()
    })

    test('are asked for once the request is allowed (Expect: 100-continue)', async () => {
      const headers: HeaderList = [
        ['expect', '100-continue'],
        ['content-length', '5'],
      ]
      const parts = { path: '/me', method: 'POST', headers }
      const refused = calling(parts)
      // Node's client for HTTP/1.1 sends the head with the first byte, or at once if told so.
      if ('flushHeaders' in refused.out) (refused.out as { flushHeaders(): void }).flushHeaders()
      expect([(await refused.head).status, refused.informed]).toEqual([401, []])
      refused.cancel()

      const call = calling({ ...parts, token: world().issuer.token() })
      if ('flushHeaders' in call.out) (call.out as { flushHeaders(): void }).flushHeaders()
      expect(await until(() => call.informed.length > 0)).toBe(true)
      call.out.end('hello')
      expect([(await call.head).status, call.informed, seen().body.toString()]).toEqual([
        200,
        [100],
        'hello',
      ])
      expect(headerOf(seen(), 'expect')).toEqual([])
    })
  })

  describe('a caller that leaves', () => {
    const heldOpen = () => world().upstream.connections.filter(({ closed }) => !closed).length

    test('before the answer takes its request with it', async () => {
      world().upstream.answer = () => undefined
      const call = calling({ path: '/open/a' })
      call.out.end()
      expect(await until(() => world().upstream.requests.length === 1)).toBe(true)
      const before = heldOpen()
      call.cancel()
      expect(await until(() => heldOpen() === before - 1)).toBe(true)
      const logged = await world().gateway.waitForLog(
        ({ msg, status, aborted }) => msg === 'request' && status === 499 && aborted === true,
      )
      expect(logged.route).toBe('/open/**')
    })

    test('in the middle of the answer stops it', async () => {
      world().upstream.answer = (_request, socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this')
        return undefined
      }
      const call = calling({ path: '/open/a' })
      call.out.end()
      await call.head
      const before = heldOpen()
      call.cancel()
      expect(await until(() => heldOpen() === before - 1)).toBe(true)
    })

    test('in the middle of its body leaves no whole request', async () => {
      const call = calling({ path: '/open/a', method: 'POST' })
      call.out.write('start')
      expect(await until(() => world().upstream.received.includes('start'))).toBe(true)
      call.cancel()
      expect(await until(() => heldOpen() === 0)).toBe(true)
      expect(world().upstream.requests).toEqual([])
    })
  })
})
