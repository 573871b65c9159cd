import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { routes } from '../../gateway/commands/routes.ts'
import { cli } from '../support/gateway.ts'
import { onTerminal, policyFile } from './support.ts'

const { file } = policyFile(`issuer: { url: https://auth.dataporten.no }
dataSources:
  grades:
    audience: grades
    upstream: http://legacy
    routes:
      ANY /**: { scopes: [admin] }
      GET /courses/{id}: { scopes: { anyOf: [read, [audit, list]] } }
      ANY /courses: authenticated
      POST,PUT /courses: { scopes: [read, append], principal: user, clients: [a, b] }
      GET /courses/: { scopes: [read], principal: system }
      GET /courses/new: public
`)

describe('routes', () => {
  test('is a table in match order', async () => {
    expect(await cli(['routes', file])).toEqual({
      code: 0,
      stdout: [
        'METHODS   PATTERN        ASKS FOR                       PRINCIPAL  DATA SOURCE  LINE',
        'POST,PUT  /courses       read and append (2 client(s))  user       grades       10',
        'ANY       /courses       any valid token                any        grades       9',
        'GET       /courses/      read                           system     grades       11',
        'GET       /courses/new   public                         any        grades       12',
        'GET       /courses/{id}  read, or audit and list        any        grades       8',
        'ANY       /**            admin                          any        grades       7',
        '',
      ].join('\n'),
      stderr: '',
    })
  })
  test('--json is a list of the same, with the fields of the contract', async () => {
    const { code, stdout, stderr } = await cli(['routes', '--json', file])
    const grades = { dataSource: 'grades', principal: 'any', enforce: true }
    expect({ code, stderr, rows: JSON.parse(stdout) }).toEqual({
      code: 0,
      stderr: '',
      rows: [
        {
          ...grades,
          methods: ['POST', 'PUT'],
          pattern: '/courses',
          access: 'scopes',
          scopes: [['read', 'append']],
          principal: 'user',
          line: 10,
        },
        {
          ...grades,
          methods: ['ANY'],
          pattern: '/courses',
          access: 'authenticated',
          scopes: [],
          line: 9,
        },
        {
          ...grades,
          methods: ['GET'],
          pattern: '/courses/',
          access: 'scopes',
          scopes: [['read']],
          principal: 'system',
          line: 11,
        },
        {
          ...grades,
          methods: ['GET'],
          pattern: '/courses/new',
          access: 'public',
          scopes: [],
          line: 12,
        },
        {
          ...grades,
          methods: ['GET'],
          pattern: '/courses/{id}',
          access: 'scopes',
          scopes: [['read'], ['audit', 'list']],
          line: 8,
        },
        {
          ...grades,
          methods: ['ANY'],
          pattern: '/**',
          access: 'scopes',
          scopes: [['admin']],
          line: 7,
        },
      ],
    })
  })
  test('a policy with a fault has no table; the fault goes to stderr', async () => {
    const broken = policyFile('issuer: {}\n')
    const { status, out, err } = await onTerminal(on => routes(broken.file, { json: true }, on))
    expect({ status, out, isSaid: err.length > 0 }).toEqual({ status: 1, out: [], isSaid: true })
  })
  test('a file that is not there', async () => {
    expect(await onTerminal(on => routes('no-such-file', { json: false }, on))).toEqual({
      status: 1,
      out: [],
      err: [
        `no-such-file: expected a file that can be read, got no such file at ${resolve('no-such-file')}`,
      ],
    })
  })
})

/** Data sources as `id, hosts, patterns`, and the patterns of one host in the order of the table. */
describe('data sources of one host stand in one match order', () => {
  const listed = async (
    sources: readonly (readonly [id: string, hosts: string, route: string])[],
  ) => {
    const dataSources = sources.map(
      ([id, hosts, route]) =>
        `  ${id}: { audience: ${id}, upstream: http://${id}, hosts: [${hosts}], routes: { "GET ${route}": public } }\n`,
    )
    const text = `issuer: { url: https://a.no }\ndataSources:\n${dataSources.join('')}`
    const { out } = await onTerminal(on => routes(policyFile(text).file, { json: true }, on))
    const rows: { dataSource: string; pattern: string }[] = JSON.parse(out.join('\n'))
    return rows.map(({ dataSource, pattern }) => `${dataSource} ${pattern}`)
  }

  test('whatever their order in the file', async () => {
    expect(
      await listed([
        ['aa', 'x.no', '/**'],
        ['bb', 'x.no', '/{x}'],
        ['cc', 'x.no', '/x'],
      ]),
    ).toEqual(['cc /x', 'bb /{x}', 'aa /**'])
  })
  test('also with another host between them', async () => {
    const rows = await listed([
      ['aa', 'x.no', '/**'],
      ['bb', 'y.no', '/{x}'],
      ['cc', 'x.no', '/x'],
    ])
    expect(rows.filter(row => !row.startsWith('bb'))).toEqual(['cc /x', 'aa /**'])
  })
  test('also where they have only some hosts in common', async () => {
    expect(
      await listed([
        ['aa', 'x.no, y.no', '/**'],
        ['bb', 'y.no', '/x'],
      ]),
    ).toEqual(['bb /x', 'aa /**'])
  })
})

test('a route that is not enforced says so, whoever decided that', async () => {
  const { file: loose } = policyFile(`issuer: { url: https://a.no }
dataSources:
  aa:
    audience: aa
    upstream: http://aa
    enforce: false
    routes:
      GET /a: { scopes: [read] }
      GET /b: { scopes: [read], enforce: true }
      GET /c: authenticated
`)
  const { out } = await onTerminal(on => routes(loose, { json: false }, on))
  expect(out.slice(1).map(line => line.replace(/ {2,}/g, ' | '))).toEqual([
    'GET | /a | read (not enforced) | any | aa | 8',
    'GET | /b | read | any | aa | 9',
    'GET | /c | any valid token | any | aa | 10',
  ])
  const { out: list } = await onTerminal(on => routes(loose, { json: true }, on))
  const rows: { enforce: boolean }[] = JSON.parse(list.join('\n'))
  expect(rows.map(({ enforce }) => enforce)).toEqual([false, true, true])
})
