import { describe, expect, test } from 'vitest'
import { refused, stage } from './stage.ts'

const on = stage({
  dataSources: {
    grades: { routes: { 'GET /open/{id}': 'public', 'GET /admin/**': { scopes: ['admin'] } } },
  },
})

describe('the query string is passed on byte for byte', () => {
  test.each([
    '?',
    '??',
    '?a',
    '?a=b&a=c&=&&=',
    '?a=b?c=d',
    '?a=%2e%2E/%2f',
    '?a=/../..//.\\',
    '?a=;b=c;',
    '?a=%zz%%4',
    '?a=%00%0d%0a%7F',
    '?a=%252e%252f',
    '?a="<>^`{|}',
    "?a='()*!~",
    '?a[]=1&a[b]=2',
    '?a=+%20+',
    '?a=%41%7e%c3%b8',
    '?next=http://evil.example.no/../x',
    '?{"a":[1,2]}',
  ])('%s', async query => {
    const target = `/open/1${query}`
    expect(await on.outcome({ target })).toEqual({ status: 200, sent: [`GET ${target}`] })
  })
})

test('a long query string is passed on whole', async () => {
  const target = `/open/1?${'a=b&'.repeat(3000)}`
  expect(await on.outcome({ target })).toEqual({ status: 200, sent: [`GET ${target}`] })
})

test.each(['/open/1?a#b', '/open/1?#', '/open/1?a=%23#'])(
  'a fragment is refused in the query too: %s',
  async target => {
    expect(await on.outcome({ target })).toEqual(refused(400, 'path_ambiguous'))
  },
)

describe('a byte that no URI may hold is refused in the query, never changed', () => {
  test.each(['\xf8', '\xc3\xb8', '\x80', '\xff', '\x01', '\x7f', '\0', '\t'])(
    '?a=%j',
    async byte => {
      const { answer, seen } = await on.exchange({ target: `/open/1?a=${byte}` })
      expect({ status: answer.status, seen }).toEqual({ status: 400, seen: [] })
    },
  )
})

describe('the query string never takes part in matching', () => {
  test.each([
    ['/admin?/open/1', 401, 'token_missing'],
    ['/admin/?x=/../open/1', 401, 'token_missing'],
    ['/?/open/1', 404, 'route_unknown'],
    ['/open?/1', 404, 'route_unknown'],
    ['/open/?1', 404, 'route_unknown'],
  ])('%s', async (target, status, code) => {
    expect(await on.outcome({ target })).toEqual(refused(status, code))
  })
})
