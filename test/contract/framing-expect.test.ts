import { describe, expect, test } from 'vitest'
import { type HeaderList, request, send } from '../support/raw.ts'
import { headerOf } from '../support/upstream.ts'
import { codeOf, stage } from './stage.ts'

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
const sentLines = () => on.upstream.requests.map(({ method, target }) => `${method} ${target}`)

describe('Expect: 100-continue', () => {
  const EXPECT: HeaderList = [
    ['Expect', '100-continue'],
    ['Content-Length', '5'],
    ['X-Dataporten-Userid', 'forged'],
  ]
  const head = (target: string, token?: string) =>
    request({ method: 'POST', target, headers: EXPECT, token })

  test('is answered by the gateway, and the identity is the token’s', async () => {
    const bytes = [head('/me', on.issuer.token()), 'hello']
    const answers = await send(on.gateway.port, bytes, { pause: 100 })
    const [seen] = on.upstream.requests
    expect({
      statuses: answers.map(answer => answer.status),
      body: seen?.body.toString(),
      expect: seen && headerOf(seen, 'expect'),
      user: seen && headerOf(seen, 'x-dataporten-userid'),
    }).toEqual({ statuses: [100, 200], body: 'hello', expect: [], user: [on.issuer.claims().sub] })
  })

  test('of a refused request asks for no body', async () => {
    const answers = await send(on.gateway.port, head('/me'), { settle: 50 })
    expect({ statuses: answers.map(a => a.status), sent: sentLines() }).toEqual({
      statuses: [401],
      sent: [],
    })
  })

  test('of a refused request closes: the body may come or not, and what follows would be taken for it', async () => {
    const bytes = [head('/me'), request({ target: '/open/a' })]
    const answers = await send(on.gateway.port, bytes, { pause: 100 })
    expect({
      statuses: answers.map(a => a.status),
      connection: answers[0]?.headers.filter(([name]) => name.toLowerCase() === 'connection'),
      sent: sentLines(),
    }).toEqual({ statuses: [401], connection: [['Connection', 'close']], sent: [] })
  })

  test('of a body that is too large asks for no body', async () => {
    const headers: HeaderList = [
      ['Expect', '100-continue'],
      ['Content-Length', '99999999999'],
    ]
    const bytes = request({ method: 'POST', target: '/open/a', headers })
    const answers = await send(on.gateway.port, bytes, { settle: 50 })
    expect({ codes: answers.map(codeOf), sent: sentLines() }).toEqual({
      codes: ['body_too_large'],
      sent: [],
    })
  })
})
