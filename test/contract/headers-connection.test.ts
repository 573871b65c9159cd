import { describe, expect, test } from 'vitest'
import { CLIENT_ID, USER_ID } from '../support/issuer.ts'
import { chunked, type HeaderList } from '../support/raw.ts'
import { headerOf } from '../support/upstream.ts'
import { identityOf, stage } from './stage.ts'

const on = stage({
  dataSources: {
    grades: {
      upstream: { credentials: { basic: { username: 'dataporten', password: 'secret' } } },
      headers: { inject: { 'X-User-Name': { claim: 'name' } } },
      routes: { 'GET /courses': { scopes: ['read'] }, 'POST /courses': { scopes: ['append'] } },
    },
  },
})
const IDENTITY: HeaderList = [
  ['X-Dataporten-clientid', CLIENT_ID],
  ['X-Dataporten-gatekeeper', 'grades'],
  ['X-Dataporten-scopes', 'append,read'],
  ['X-Dataporten-userid', USER_ID],
  ['X-Dataporten-userid-sec', 'feide:asbjorn@example.no'],
]
const CREDENTIALS = `Basic ${Buffer.from('dataporten:secret').toString('base64')}`

describe('what Connection names cannot take an injected header away', () => {
  test.each([
    'X-Dataporten-Userid',
    'close, X-Dataporten-Userid',
    'x-dataporten-userid, x-dataporten-scopes, x-dataporten-clientid, x-dataporten-userid-sec',
    'X-Dataporten-Gatekeeper',
    'X_Dataporten_Userid',
    'X-User-Name',
    'keep-alive,,  X-User-Name  ,',
    'Host',
    'X-Request-Id, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host',
    '"X-Dataporten-Userid"',
  ])('%s', async connection => {
    const headers: HeaderList = [['Connection', connection]]
    const seen = await on.passed({ target: '/courses', headers, token: on.issuer.token() })
    expect({
      identity: identityOf(seen),
      name: headerOf(seen, 'x-user-name'),
      authorization: headerOf(seen, 'authorization'),
      counts: [
        'host',
        'x-request-id',
        'x-forwarded-for',
        'x-forwarded-proto',
        'x-forwarded-host',
      ].map(name => headerOf(seen, name).length),
      nominated: headerOf(seen, 'connection').filter(v => !/^(keep-alive|close)$/i.test(v)),
    }).toEqual({
      identity: IDENTITY,
      name: ['Asbjorn Hansen'],
      authorization: [CREDENTIALS],
      counts: [1, 1, 1, 1, 1],
      nominated: [],
    })
  })

  test('in several Connection headers, with forged copies', async () => {
    const headers: HeaderList = [
      ['Connection', 'X-Dataporten-Userid'],
      ['X-Dataporten-Userid', 'forged'],
      ['connection', 'X-Dataporten-Scopes, close'],
      ['X-Dataporten-Scopes', 'forged'],
    ]
    const seen = await on.passed({ target: '/courses', headers, token: on.issuer.token() })
    expect({ identity: identityOf(seen), forged: seen.raw.includes('forged') }).toEqual({
      identity: IDENTITY,
      forged: false,
    })
  })
})

describe('what Connection names goes no further', () => {
  test('in any case and in several Connection headers', async () => {
    const headers: HeaderList = [
      ['X-First', 'a'],
      ['Connection', 'x-FIRST, X-Second'],
      ['X-Second', 'b'],
      ['X-Third', 'c'],
      ['Connection', 'x-third'],
      ['X-Fourth', 'd'],
    ]
    const seen = await on.passed({ target: '/courses', headers, token: on.issuer.token() })
    const left = seen.headers.filter(([name]) => /^x-(first|second|third|fourth)$/i.test(name))
    expect(left).toEqual([['X-Fourth', 'd']])
  })

  test('Connection itself is not the caller’s', async () => {
    const headers: HeaderList = [['Connection', 'X-First, close']]
    const seen = await on.passed({ target: '/courses', headers, token: on.issuer.token() })
    expect(headerOf(seen, 'connection').join()).not.toMatch(/x-first/i)
  })
})

describe('Host, Content-Length and Content-Type named in Connection are ignored', () => {
  const CONNECTION: [string, string] = ['Connection', 'Host, Content-Length, content-type']
  const TYPE: [string, string] = ['Content-Type', 'text/plain']

  test('the body keeps its length and its type', async () => {
    const headers: HeaderList = [CONNECTION, TYPE, ['Content-Length', '5']]
    const token = on.issuer.token()
    const parts = { method: 'POST', target: '/courses', headers, body: 'hello', token }
    const seen = await on.passed(parts)
    expect({
      host: headerOf(seen, 'host').length,
      type: headerOf(seen, 'content-type'),
      length: headerOf(seen, 'content-length'),
      body: seen.body.toString(),
    }).toEqual({ host: 1, type: ['text/plain'], length: ['5'], body: 'hello' })
  })

  test('Transfer-Encoding named there does not change where the body ends', async () => {
    const headers: HeaderList = [
      ['Connection', 'Transfer-Encoding, Content-Length'],
      ['Transfer-Encoding', 'chunked'],
    ]
    const body = chunked('GET /admin HTTP/1.1\r\nHost: x\r\n\r\n')
    const token = on.issuer.token()
    const seen = await on.passed({ method: 'POST', target: '/courses', headers, body, token })
    expect(seen.body.toString()).toBe('GET /admin HTTP/1.1\r\nHost: x\r\n\r\n')
  })
})

describe('trailers', () => {
  const trailing = (trailer: string) => `5\r\nhello\r\n0\r\n${trailer}\r\n\r\n`

  test.each([
    'X-Dataporten-Userid: forged',
    'X_Dataporten_Scopes: forged',
    'X-Custom: forged',
    'Authorization: Bearer forged',
    'X-A: 1\r\nX-Dataporten-Userid: forged\r\nX-B: 2',
  ])('never reach the upstream: %j', async trailer => {
    const headers: HeaderList = [
      ['Transfer-Encoding', 'chunked'],
      ['Trailer', 'X-Dataporten-Userid, X-Custom'],
    ]
    const token = on.issuer.token()
    const parts = { method: 'POST', target: '/courses', headers, body: trailing(trailer), token }
    const seen = await on.passed(parts, { settle: 20 })
    expect({
      body: seen.body.toString(),
      trailers: seen.trailers,
      trailer: headerOf(seen, 'trailer'),
      identity: identityOf(seen),
      forged: seen.raw.includes('forged'),
    }).toEqual({ body: 'hello', trailers: '', trailer: [], identity: IDENTITY, forged: false })
  })
})
