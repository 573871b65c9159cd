import { describe, expect, test } from 'vitest'
import { valuesOf } from '../support/raw.ts'
import { codeOf, refused, stage } from './stage.ts'

describe('the method', () => {
  const { exchange, outcome } = stage({
    dataSources: {
      grades: {
        routes: {
          'GET /courses': 'public',
          'GET /courses/{id}': 'public',
          'POST,PUT /courses/{id}': 'public',
          'DELETE /courses/new': 'public',
          'HEAD /only-head': 'public',
          'ANY /any/**': 'public',
          'OPTIONS /options': 'public',
        },
      },
    },
  })
  const allowed = async (method: string, target: string) => {
    const { answer, seen } = await exchange({ method, target })
    const allow = valuesOf(answer, 'allow').flatMap(value => value.split(/, */))
    return { status: answer.status, code: codeOf(answer), allow: allow.sort(), seen }
  }

  test.each([
    ['GET', '/courses'],
    ['HEAD', '/courses'],
    ['HEAD', '/only-head'],
    ['POST', '/courses/7'],
    ['PUT', '/courses/7'],
    ['POST', '/courses/new'],
    ['DELETE', '/courses/new'],
    ['OPTIONS', '/options'],
    ['GET', '/any'],
    ['HEAD', '/any/a'],
    ['POST', '/any/a'],
    ['PUT', '/any/a'],
    ['PATCH', '/any/a'],
    ['DELETE', '/any/a'],
    ['OPTIONS', '/any/a'],
    ['PROPFIND', '/any/a'],
    ['REPORT', '/any/a'],
    ['QUERY', '/any/a'],
  ])('%s %s is taken and sent on as it is', async (method, target) => {
    expect(await outcome({ method, target })).toEqual({
      status: 200,
      sent: [`${method} ${target}`],
    })
  })

  test.each([
    ['POST', '/courses', ['GET', 'HEAD']],
    ['OPTIONS', '/courses', ['GET', 'HEAD']],
    ['PROPFIND', '/courses', ['GET', 'HEAD']],
    ['GET', '/only-head', ['HEAD']],
    ['DELETE', '/courses/7', ['GET', 'HEAD', 'POST', 'PUT']],
    ['PATCH', '/courses/new', ['DELETE', 'GET', 'HEAD', 'POST', 'PUT']],
    ['GET', '/options', ['OPTIONS']],
    ['TRACE', '/courses', ['GET', 'HEAD']],
  ])('%s %s is refused with the methods of the path', async (method, target, allow) => {
    const expected = { status: 405, code: 'method_not_allowed', allow, seen: [] }
    expect(await allowed(method, target)).toEqual(expected)
  })

  test('ANY does not take TRACE, and does not list it', async () => {
    const { status, allow, seen } = await allowed('TRACE', '/any/a')
    expect({
      status,
      seen,
      trace: allow.includes('TRACE'),
      connect: allow.includes('CONNECT'),
    }).toEqual({ status: 405, seen: [], trace: false, connect: false })
  })

  test.each([
    ['TRACE', '/nothing'],
    ['TRACE', '/courses//x'],
    ['TRACE', '/any/../x'],
    ['TRACE', 'http://gateway.test/courses'],
    ['TRACE', '*'],
    ['CONNECT', 'grades.example.no:443'],
    ['CONNECT', '127.0.0.1:22'],
  ])('%s %s is refused whatever its target', async (method, target) => {
    expect(await outcome({ method, target })).toEqual(refused(405, 'method_not_allowed'))
  })

  test('CONNECT opens no tunnel for what follows it', async () => {
    const inner = 'GET /courses HTTP/1.1\r\nHost: gateway.test\r\n\r\n'
    const parts = { method: 'CONNECT', target: 'gateway.test:80', body: inner }
    expect(await outcome(parts, { settle: 100 })).toEqual(refused(405, 'method_not_allowed'))
  })

  test.each(['get', 'Get', 'FOO', 'GET,POST', 'G\x01T'])(
    'a method that HTTP does not have (%j) is malformed',
    async method => {
      const expected = refused(400, 'request_malformed')
      expect(await outcome({ method, target: '/any/a' })).toEqual(expected)
    },
  )
})
