import { describe, expect, test } from 'vitest'
import { chunked, type HeaderList, request, send } from '../support/raw.ts'
import { reply } from '../support/upstream.ts'
import { codeOf, identityOf, stage } from './stage.ts'

const on = stage({
  dataSources: {
    grades: {
      routes: {
        'ANY /open/**': 'public',
        'GET /me': 'authenticated',
        'POST /me': 'authenticated',
        'GET /admin': { scopes: ['admin'] },
      },
    },
  },
})
const OTHER_USER = '5a1b8f2e-0000-4000-8000-000000000002'
const sentLines = () => on.upstream.requests.map(({ method, target }) => `${method} ${target}`)

describe('each request of a connection is decided on its own', () => {
  const pipeline = (...requests: Buffer[]) =>
    send(on.gateway.port, Buffer.concat(requests), { answers: requests.length, settle: 50 })

  test('allowed, refused and allowed again, in order', async () => {
    const answers = await pipeline(
      request({ target: '/open/1' }),
      request({ target: '/admin' }),
      request({ target: '/open/../admin' }),
      request({ target: '/nothing' }),
      request({ target: '/open/2' }),
    )
    expect({
      answers: answers.map(answer => codeOf(answer) ?? answer.status),
      sent: sentLines().sort(),
    }).toEqual({
      answers: [200, 'token_missing', 'path_ambiguous', 'route_unknown', 200],
      sent: ['GET /open/1', 'GET /open/2'],
    })
  })

  test('an identity does not stay on the connection', async () => {
    on.upstream.answer = seen => reply({ body: JSON.stringify(identityOf(seen)) })
    const answers = await pipeline(
      request({ target: '/me', token: on.issuer.token() }),
      request({ target: '/open/1' }),
      request({ target: '/me', token: on.issuer.token({ sub: OTHER_USER }) }),
      request({ target: '/me', token: on.issuer.systemToken() }),
      request({ target: '/me' }),
    )
    const users = answers.map(({ status, body }) => {
      if (status !== 200) return status
      return new Map<string, string>(JSON.parse(body)).get('X-Dataporten-userid')
    })
    expect(users).toEqual([on.issuer.claims().sub, undefined, OTHER_USER, undefined, 401])
  })

  test('answers come in the order of the requests, though the first is slow', async () => {
    on.upstream.answer = async seen => {
      if (seen.target === '/open/slow') await new Promise(resolve => setTimeout(resolve, 150))
      return reply({ body: seen.target })
    }
    const answers = await pipeline(
      request({ target: '/open/slow' }),
      request({ target: '/open/fast' }),
      request({ target: '/admin' }),
    )
    expect(answers.map(answer => (answer.status === 200 ? answer.body : answer.status))).toEqual([
      '/open/slow',
      '/open/fast',
      401,
    ])
  })

  test('what the second reads is what the first has written', async () => {
    let written = 'nothing'
    on.upstream.answer = async seen => {
      if (seen.method === 'PUT') await new Promise(resolve => setTimeout(resolve, 100))
      if (seen.method === 'PUT') written = seen.body.toString()
      return reply({ body: written })
    }
    const headers: HeaderList = [['Content-Length', '4']]
    const [, second] = await pipeline(
      request({ method: 'PUT', target: '/open/1', headers, body: 'text' }),
      request({ target: '/open/1' }),
    )
    expect(second?.body).toBe('text')
  })

  test('the body of a refused request is not the next request', async () => {
    const inner = request({ target: '/open/smuggled' }).toString('latin1')
    const parts = { method: 'POST', target: '/me', body: inner }
    const headers: HeaderList = [['Content-Length', String(inner.length)]]
    const bytes = Buffer.concat([request({ ...parts, headers }), request({ target: '/open/2' })])
    const answers = await send(on.gateway.port, bytes, { answers: 2, settle: 100 })
    expect(answers.map(answer => codeOf(answer) ?? answer.status)[0]).toBe('token_missing')
    expect(sentLines()).not.toContain('GET /open/smuggled')
  })

  test('nor is the chunked body of a refused request', async () => {
    const inner = request({ target: '/open/smuggled' })
    const headers: HeaderList = [['Transfer-Encoding', 'chunked']]
    const refused = request({ method: 'POST', target: '/me', headers, body: chunked(inner) })
    await send(on.gateway.port, refused, { settle: 100 })
    expect(sentLines()).toEqual([])
  })

  test('nor what follows a request that closes the connection', async () => {
    const headers: HeaderList = [['Connection', 'close']]
    await pipeline(request({ target: '/open/1', headers }), request({ target: '/open/2' }))
    expect(sentLines()).toEqual(['GET /open/1'])
  })

  test('nor what follows an answer that closes it', async () => {
    const headers: HeaderList = [
      ['Expect', '100-continue'],
      ['Content-Length', '0'],
    ]
    const refused = request({ method: 'POST', target: '/me', headers })
    const [answer] = await pipeline(refused, request({ target: '/open/2' }))
    expect({ code: answer && codeOf(answer), sent: sentLines() }).toEqual({
      code: 'token_missing',
      sent: [],
    })
  })
})
