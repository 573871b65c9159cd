import { rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { cli, writeTemporary } from '../support/gateway.ts'
import { checked, faultsOf, parsed, policyOf, yaml } from './support.ts'

const SOUND = yaml`
  issuer: { url: https://auth.dataporten.no }
  dataSources:
    grades:
      audience: grades
      upstream: http://legacy:3000
      routes:
        GET /courses: { scopes: [read] }
`

/** Where the faults of a text are, and what each begins with. */
const places = (text: string) =>
  faultsOf(text).map(line => /^(policy\.yaml:\d+:\d+: .*?)(?:, got|$)/.exec(line)?.[1])

describe('what is no YAML is a fault with a place', () => {
  test.for([
    ['a list that does not end', 'issuer: [\n', '2:1'],
    ['a text that does not end', 'issuer: { url: "https://a\n', '2:1'],
    ['a tab as indentation', 'issuer:\n\turl: https://a\n', '2:1'],
    ['a key without a colon', 'issuer:\n  url: https://a\n  allowHttp\n', '3:3'],
    ['a second document', `${SOUND}---\n${SOUND}`, '8:1'],
  ] as const)('%s', ([, text, place]) => {
    expect(places(text)).toContain(`policy.yaml:${place}: expected valid YAML`)
    expect(checked(text).status).toBe(1)
  })
})

describe('a file that holds no map is a fault', () => {
  test.for([
    ['an empty file', '', 'nothing'],
    ['comments alone', '# nothing here\n', 'nothing'],
    ['null', 'null\n', 'nothing'],
    ['a list', '- issuer\n', 'a list'],
    ['a text', 'issuer\n', '"issuer"'],
  ] as const)('%s', ([, text, got]) => {
    const lines = [`policy.yaml:1:1: expected a map, got ${got}`]
    expect(checked(text)).toEqual({ status: 1, lines })
  })
})

describe('a key that stands twice is a fault at its second place', () => {
  const twice = [
    ['a setting', `log: { level: info }\n${SOUND}log: { level: warn }\n`, '9:1', 'log'],
    [
      'a route',
      `${SOUND}      GET /courses: public\n`,
      '8:7',
      'dataSources.grades.routes["GET /courses"]',
    ],
    [
      'a member',
      SOUND.replace('audience:', 'audience: a\n    audience:'),
      '5:5',
      'dataSources.grades.audience',
    ],
  ] as const
  test.for(twice)('%s', ([, text, place]) => {
    expect(faultsOf(text).map(line => line.split(': ')[0])).toEqual([`policy.yaml:${place}`])
  })
  test.for(twice)('%s is named', ([, text, place, where]) => {
    expect(places(text)).toEqual([
      expect.stringContaining(`policy.yaml:${place}: ${where}: expected`),
    ])
  })
  test('it hides no other fault', () => {
    const text = `workers: 0\nworkers: 0\n${SOUND}`
    expect(faultsOf(text)).toContainEqual(
      expect.stringContaining('policy.yaml:1:10: workers: expected'),
    )
  })
})

describe('aliases', () => {
  test('stand for what they name', () => {
    const text = yaml`
      issuer: { url: https://auth.dataporten.no }
      dataSources:
        grades:
          audience: grades
          upstream: &legacy { url: http://legacy:3000, timeout: 5s }
          hosts: [grades.no]
          routes: &reading
            GET /courses: { scopes: [read] }
        exams:
          audience: exams
          upstream: *legacy
          hosts: [exams.no]
          routes: *reading
    `
    const { dataSources, routes } = policyOf(text)
    expect(dataSources.map(({ upstream }) => upstream.timeout)).toEqual([5000, 5000])
    expect(routes.map(({ dataSource, key, line }) => [dataSource.id, key, line])).toEqual([
      ['grades', 'GET /courses', 8],
      ['exams', 'GET /courses', 8],
    ])
  })
  test('a fault within one is shown where it is written, for each use', () => {
    const text = SOUND.replace(
      '{ scopes: [read] }',
      '&empty { scopes: [] }\n      PUT /courses: *empty',
    )
    const says = 'scopes: expected at least one scope, got []'
    expect(faultsOf(text)).toEqual([
      `policy.yaml:7:38: dataSources.grades.routes["GET /courses"].${says}`,
      `policy.yaml:7:38: dataSources.grades.routes["PUT /courses"].${says}`,
    ])
  })
  test('one that names nothing is a fault', () => {
    const text = SOUND.replace('audience: grades', 'audience: *nowhere')
    expect(faultsOf(text)).toEqual([
      expect.stringMatching(/^policy\.yaml:4:15: dataSources\.grades\.audience: expected .*, got /),
    ])
  })
  test('one within itself is a fault, not the end of the gateway', () => {
    const text = SOUND.replace('upstream: http://legacy:3000', 'upstream: &loop { url: *loop }')
    expect(parsed(text).ok).toBe(false)
  })
  test('aliases of aliases do not keep the gateway busy', async () => {
    const levels = 'bcdefg'.split('').map((name, i) => {
      const before = Array(9).fill(`*${'abcdef'[i]}`).join(', ')
      return `${name}: &${name} [${before}]\n`
    })
    const text = `a: &a [x, x, x, x, x, x, x, x, x]\n${levels.join('')}${SOUND}`
    const { directory, file } = writeTemporary(text)
    const { code } = await cli(['check', file], { timeout: 4000 })
    rmSync(directory, { recursive: true })
    expect(code).toBe(1)
  })
})

describe('the form of the file means nothing', () => {
  test.for([
    ['a byte order mark', `\uFEFF${SOUND}`],
    ['line ends of Windows', SOUND.replaceAll('\n', '\r\n')],
    [
      'JSON',
      JSON.stringify({
        issuer: { url: 'https://auth.dataporten.no' },
        dataSources: {
          grades: {
            audience: 'grades',
            upstream: 'http://legacy:3000',
            routes: { 'GET /courses': { scopes: ['read'] } },
          },
        },
      }),
    ],
  ] as const)('%s', ([, text]) => {
    const { file: _, hash, routes, ...rest } = policyOf(text)
    const { file: __, hash: ___, routes: ____, ...same } = policyOf(SOUND)
    expect(JSON.stringify(rest)).toEqual(JSON.stringify(same))
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(routes.map(({ key }) => key)).toEqual(['GET /courses'])
  })
})

describe('a file that cannot be read', () => {
  test('that is not there', async () => {
    expect(await cli(['check', '/no/such/policy.yaml'])).toEqual({
      code: 1,
      stdout: [
        '/no/such/policy.yaml: expected a file that can be read, got no such file',
        'not ok /no/such/policy.yaml: 1 error(s)',
        '',
      ].join('\n'),
      stderr: '',
    })
  })
  test('that is a directory', async () => {
    expect(await cli(['check', '/tmp'])).toEqual({
      code: 1,
      stdout: [
        '/tmp: expected a file that can be read, got a directory',
        'not ok /tmp: 1 error(s)',
        '',
      ].join('\n'),
      stderr: '',
    })
  })
})
