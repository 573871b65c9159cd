import { describe, expect, test } from 'vitest'
import type { HeaderList } from '../support/raw.ts'
import { headerOf, reply } from '../support/upstream.ts'
import { identityOf, refused, stage } from './stage.ts'

const on = stage({
  dataSources: {
    grades: {
      upstream: { credentials: { basic: { username: 'dataporten', password: 'secret' } } },
      routes: {
        'GET /courses': { scopes: ['read'] },
        'GET /listed': { scopes: ['read'] },
        'OPTIONS /listed': 'authenticated',
        'GET /open': 'public',
        'OPTIONS /open': 'public',
        'ANY /any/**': { scopes: ['admin'] },
      },
    },
  },
})

const PREFLIGHT: HeaderList = [
  ['Origin', 'https://app.example.no'],
  ['Access-Control-Request-Method', 'GET'],
  ['Access-Control-Request-Headers', 'authorization'],
]
const preflight = (target: string, headers: HeaderList = PREFLIGHT) => ({
  method: 'OPTIONS',
  target,
  headers,
})

describe('a preflight', () => {
  test.each(['/courses', '/any', '/any/a/b', '/courses?a=b'])(
    'on %s goes upstream without a token',
    async target => {
      const expected = { status: 200, sent: [`OPTIONS ${target}`] }
      expect(await on.outcome(preflight(target))).toEqual(expected)
    },
  )

  test('may ask for a method that no route has', async () => {
    const headers: HeaderList = [
      ['Origin', 'null'],
      ['Access-Control-Request-Method', 'DELETE'],
    ]
    expect(await on.outcome(preflight('/courses', headers))).toEqual({
      status: 200,
      sent: ['OPTIONS /courses'],
    })
  })

  test.each([
    ['with a good token', () => `Bearer ${on.issuer.token()}`],
    ['with a bad token', () => 'Bearer not.a.token'],
    ['with other credentials', () => 'Basic ZGF0YXBvcnRlbjpmb3JnZWQ='],
  ])('%s tells the upstream the data source and nothing else', async (_, authorization) => {
    const headers: HeaderList = [...PREFLIGHT, ['Authorization', authorization()]]
    const seen = await on.passed(preflight('/courses', headers))
    expect({ identity: identityOf(seen), authorization: headerOf(seen, 'authorization') }).toEqual({
      identity: [['X-Dataporten-gatekeeper', 'grades']],
      authorization: [],
    })
  })

  test('reaches the upstream with what it asks', async () => {
    const seen = await on.passed(preflight('/courses'))
    expect(PREFLIGHT.map(([name]) => [name, ...headerOf(seen, name)])).toEqual(PREFLIGHT)
  })

  test('is answered by the upstream alone', async () => {
    const cors: HeaderList = [
      ['Access-Control-Allow-Origin', 'https://app.example.no'],
      ['Access-Control-Allow-Headers', 'authorization'],
      ['Access-Control-Max-Age', '600'],
    ]
    on.upstream.answer = () => reply({ status: 204, headers: cors, bare: true })
    const { answer } = await on.exchange(preflight('/courses'))
    const said = answer.headers.filter(([name]) => /^access-control/i.test(name))
    expect({ status: answer.status, said }).toEqual({ status: 204, said: cors })
  })

  test.each([
    ['asks a listed OPTIONS route for its token', '/listed', 401, 'token_missing'],
    ['on a path that no route has is unknown', '/nothing', 404, 'route_unknown'],
    ['on an ambiguous path is refused', '/any/../courses', 400, 'path_ambiguous'],
  ])('%s', async (_, target, status, code) => {
    expect(await on.outcome(preflight(target))).toEqual(refused(status, code))
  })

  test('passes a listed OPTIONS route that is public', async () => {
    const expected = { status: 200, sent: ['OPTIONS /open'] }
    expect(await on.outcome(preflight('/open'))).toEqual(expected)
  })
})

describe('an OPTIONS that is no preflight', () => {
  const withoutOrigin = PREFLIGHT.slice(1)
  const withoutMethod = [PREFLIGHT[0], PREFLIGHT[2]] as HeaderList

  test.each([
    ['without Origin', '/courses', withoutOrigin, 405, 'method_not_allowed'],
    ['without a requested method', '/courses', withoutMethod, 405, 'method_not_allowed'],
    ['without Origin on ANY', '/any/a', withoutOrigin, 401, 'token_missing'],
    ['without a requested method on ANY', '/any/a', withoutMethod, 401, 'token_missing'],
  ])('%s %s is a request like another', async (_, target, headers, status, code) => {
    expect(await on.outcome(preflight(target, headers))).toEqual(refused(status, code))
  })

  test('neither is another method with the headers of one', async () => {
    const parts = { ...preflight('/courses'), method: 'GET' }
    expect(await on.outcome(parts)).toEqual(refused(401, 'token_missing'))
  })
})
