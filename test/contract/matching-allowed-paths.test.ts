import { describe, expect, test } from 'vitest'
import { refused, stage } from './stage.ts'

const source = (name: string, allow: string[]) => ({
  audience: `https://n.feide.no/datasources/${name}`,
  hosts: [name],
  paths: { allow },
  routes: {
    'GET /open/**': 'public',
    'GET /items/{id}': 'public',
    'GET /items/{id}/parts': 'public',
    'GET /admin/**': { scopes: ['admin'] },
  },
})
const { outcome } = stage(upstream => ({
  dataSources: Object.fromEntries(
    Object.entries({
      slash: source('slash', ['%2F']),
      semicolon: source('semicolon', [';']),
      double: source('double', ['//']),
      all: source('all', ['%2F', ';', '//']),
      grades: source('grades', []),
    }).map(([id, value]) => [id, { upstream: { url: upstream.url }, ...value }]),
  ),
}))

describe('paths.allow lets through, as plain bytes that are never decoded', () => {
  test.each([
    ['slash', '/items/a%2Fb', '/items/a%2Fb'],
    ['slash', '/items/a%2fb', '/items/a%2Fb'],
    ['slash', '/items/a%2Fparts', '/items/a%2Fparts'],
    ['slash', '/items/%2Fa', '/items/%2Fa'],
    ['slash', '/open/a%2Fb%2Fc', '/open/a%2Fb%2Fc'],
    ['slash', '/open/a%2F...', '/open/a%2F...'],
    ['semicolon', '/items/a;v=1', '/items/a;v=1'],
    ['semicolon', '/items/a;v=1;w=2/parts', '/items/a;v=1;w=2/parts'],
    ['semicolon', '/items/a%3Bv=1', '/items/a%3Bv=1'],
    ['semicolon', '/items/a%3bv=1', '/items/a%3Bv=1'],
    ['semicolon', '/items/...;a', '/items/...;a'],
    ['double', '/open//a', '/open//a'],
    ['double', '/open/a//', '/open/a//'],
    ['double', '/open///a', '/open///a'],
    ['all', '/open/a%2Fb;c=d//e', '/open/a%2Fb;c=d//e'],
  ])('%s: %s', async (host, target, sent) => {
    expect(await outcome({ host, target })).toEqual({ status: 200, sent: [`GET ${sent}`] })
  })

  test.each([
    ['slash', '/open%2Fa', 'an encoded slash separates nothing'],
    ['slash', '/items%2Fa', 'nor does it before a name'],
    ['slash', '/admin%2Fa', 'nor on the guarded route'],
    ['semicolon', '/open;a/b', 'a semicolon is a part of its segment'],
    ['semicolon', '/admin;a', 'on the guarded route too'],
    ['double', '/items//', 'a name takes no empty segment'],
    ['double', '/items//parts', 'not in the middle either'],
  ])('%s: %s does not match: %s', async (host, target) => {
    expect(await outcome({ host, target })).toEqual(refused(404, 'route_unknown'))
  })
})

describe('one opt-in does not open another', () => {
  const FORMS = {
    slash: ['/open/a%2Fb', '/open/a%2fb'],
    semicolon: ['/open/a;b', '/open/a%3Bb', '/open/a%3bb'],
    double: ['/open//a', '/open/a//'],
  }
  const rows = Object.keys(FORMS).flatMap(host =>
    Object.entries({ ...FORMS, [host]: [] }).flatMap(([, paths]) =>
      paths.map(path => [host, path] as const),
    ),
  )

  test.each(rows)('%s does not take %s', async (host, target) => {
    expect(await outcome({ host, target })).toEqual(refused(400, 'path_ambiguous'))
  })
})

describe('no opt-in opens', () => {
  const ALWAYS = [
    '/open/../admin',
    '/open/%2e%2e/admin',
    '/open/./a',
    '/open/a\\b',
    '/open/a%5Cb',
    '/open/a%00',
    '/open/a%0Ab',
    '/open/a%7F',
    '/open/a%252Fb',
    '/open/a%252fb',
    '/open/a%253Bb',
    '/open/a%252E',
    '/open/a%255Cb',
    '/open/a%25252Fb',
    '/open/%252e%252e/admin',
    '/open/%c0%af',
    '/open/%c0%ae%c0%ae/admin',
    '/open/a%',
    '/open/a"b',
    '/open/a#b',
    '//open/a',
    '//',
    '///open',
    'http://all/open/a',
  ]
  const hosts = ['slash', 'semicolon', 'double', 'all']

  test.each(hosts.flatMap(host => ALWAYS.map(target => [host, target] as const)))(
    '%s: %j',
    async (host, target) => {
      expect(await outcome({ host, target })).toEqual(refused(400, 'path_ambiguous'))
    },
  )
})

describe('a dot segment stays one behind what is let through', () => {
  const SLASH = [
    '/open/a%2F..%2Fadmin',
    '/open/a%2f..%2fadmin',
    '/open/..%2Fadmin',
    '/open/%2e%2e%2Fadmin',
    '/open/%2E%2E%2fadmin',
    '/open/a%2F..',
    '/open/a%2F../admin',
    '/open/%2F../admin',
    '/open/a%2F.%2Fb',
    '/open/.%2Fa',
    '/open/a%2F%2e',
  ]
  const SEMICOLON = [
    '/open/..;/admin',
    '/open/..;a=b/admin',
    '/open/..%3B/admin',
    '/open/..%3ba=b/admin',
    '/open/%2e%2e;/admin',
    '/open/%2E.%3B/admin',
    '/open/.;/a',
    '/open/a/..;',
    '/open/..;;/admin',
  ]
  const DOUBLE = ['/open//../admin', '/open/..//admin', '/open//.', '/open//%2e%2e/admin']
  const MIXED = [
    '/open/a%2F..;/admin',
    '/open/a%2F..;b%2Fadmin',
    '/open/a;%2F../admin',
    '/open/..;%2Fadmin',
    '/open/a%2F..%3B%2Fadmin',
    '/open/..;//admin',
    '/open//..%2F/admin',
  ]
  const rows = [
    ...SLASH.map(target => ['slash', target] as const),
    ...SEMICOLON.map(target => ['semicolon', target] as const),
    ...DOUBLE.map(target => ['double', target] as const),
    ...[...SLASH, ...SEMICOLON, ...DOUBLE, ...MIXED].map(target => ['all', target] as const),
  ]

  test.each(rows)('%s: %s', async (host, target) => {
    expect(await outcome({ host, target })).toEqual(refused(400, 'path_ambiguous'))
  })
})
