// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the policy file
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadPolicy } from '../../gateway/policy/parse.ts'
import { around, faultsOf, policyOf } from './support.ts'

const REST = '    upstream: http://legacy\n    routes: { GET /a: public }\n'
const setting = (line: string) => around(REST, `${line}\n`)
const audience = (text: string) =>
  around(REST).replace('https://n.feide.no/datasources/02d0f79b-7fbc-422b-bb31-a4d22121f040', text)
const gatekeeper = (text: string) => around(`    headers:\n      gatekeeper: ${text}\n${REST}`)
const nameOf = (text: string, env: Record<string, string>) =>
  policyOf(gatekeeper(text), env).dataSources[0]?.headers.gatekeeper

describe('variables are filled into text', () => {
  test.for([
    ['a whole text', '${NAME}', { NAME: 'grades' }, 'grades'],
    ['a part of one', 'a-${NAME}-z', { NAME: 'grades' }, 'a-grades-z'],
    ['several', '${A}${B}', { A: 'gra', B: 'des' }, 'grades'],
    ['in quotes', '"${NAME}"', { NAME: 'grades' }, 'grades'],
    ['in single quotes', "'${NAME}'", { NAME: 'grades' }, 'grades'],
    ['a default, where it is not set', '${NAME:-grades}', {}, 'grades'],
    ['a default, where it is empty', '${NAME:-grades}', { NAME: '' }, 'grades'],
    ['no default, where it is set', '${NAME:-other}', { NAME: 'grades' }, 'grades'],
    ['a default with a colon', '"${NAME:-a:-b}"', {}, 'a:-b'],
    ['a value is not filled in again', '${NAME}', { NAME: '${OTHER}', OTHER: 'x' }, '${OTHER}'],
    ['a value is no YAML', '${NAME}', { NAME: '[a, b]' }, '[a, b]'],
    ['two dollars are one', '"$${NAME}"', { NAME: 'grades' }, '${NAME}'],
    ['a dollar alone is a dollar', '$NAME', { NAME: 'grades' }, '$NAME'],
  ] as const)('%s', ([, text, env, value]) => {
    expect(nameOf(text, { ...env })).toBe(value)
  })
})

describe('one that is missing is an error that names it', () => {
  const at = (message: string) => [
    `policy.yaml:7:19: dataSources.grades.headers.gatekeeper: expected ${message}`,
  ]
  test.for([
    ['not set', '${NAME}', 'the environment variable NAME to be set, got nothing'],
    [
      'two at once',
      '${A}${B}',
      'the environment variable A to be set, got nothing; expected the environment variable B to be set, got nothing',
    ],
    ['a file', '${file:no/such}', 'the file no/such to be readable, got no such file'],
    ['no name', '${}', 'a variable such as ${NAME}, got ${}'],
    ['no name of a variable', '"${A B}"', 'a variable such as ${NAME}, got ${A B}'],
    ['no end', '${NAME', 'a variable such as ${NAME}, got ${…'],
  ] as const)('%s', ([, text, message]) => {
    expect(faultsOf(gatekeeper(text))).toEqual(at(message))
  })
  test('it is the only fault of its place', () => {
    expect(faultsOf(setting('limits: { drain: "${DRAIN}" }'))).toEqual([
      'policy.yaml:1:18: limits.drain: expected the environment variable DRAIN to be set, got nothing',
    ])
  })
  test('it hides no other fault', () => {
    expect(faultsOf(setting('listen: ${LISTEN}\nworkers: 0'))).toEqual([
      'policy.yaml:1:9: listen: expected the environment variable LISTEN to be set, got nothing',
      'policy.yaml:2:10: workers: expected a whole number above zero, got 0',
    ])
  })
})

describe('where a key wants a number or a boolean, a variable is read as one', () => {
  test('numbers and booleans', () => {
    const text = setting(
      'workers: ${WORKERS}\nlog: { userid: "${USERID}" }\nlimits: { connections: "${MANY:-7}" }',
    )
    const { workers, log, limits } = policyOf(text, { WORKERS: '3', USERID: 'true' })
    expect({ workers, userid: log.userid, connections: limits.connections }).toEqual({
      workers: 3,
      userid: true,
      connections: 7,
    })
  })
  test('false is false', () => {
    const text = setting('log: { userid: "${USERID}" }')
    expect(policyOf(text, { USERID: 'false' }).log.userid).toBe(false)
  })
  test('a word for both stays the word', () => {
    expect(policyOf(setting('workers: ${WORKERS}'), { WORKERS: 'auto' }).workers).toBe('auto')
  })
  test.for([
    ['workers: ${V}', 'three', '1:10: workers: expected a whole number above zero, or `auto`'],
    ['workers: ${V}', '', '1:10: workers: expected a whole number above zero, or `auto`'],
    ['workers: ${V}', '0', '1:10: workers: expected a whole number above zero'],
    [
      'limits: { connections: "${V}" }',
      '1.5',
      '1:24: limits.connections: expected a whole number above zero',
    ],
    [
      'limits: { connections: "${V}" }',
      '-1',
      '1:24: limits.connections: expected a whole number above zero',
    ],
    ['log: { userid: "${V}" }', 'yes', '1:16: log.userid: expected true or false'],
    ['log: { userid: "${V}" }', '1', '1:16: log.userid: expected true or false'],
  ] as const)('%s with %j is a fault', ([line, value, says]) => {
    expect(faultsOf(setting(line), { V: value })).toEqual([
      `policy.yaml:${says}, got the value of \${V}`,
    ])
  })
  test('where it wants text, digits stay text', () => {
    expect(policyOf(audience('${A}'), { A: '007' }).dataSources[0]?.audiences).toEqual(['007'])
    expect(policyOf(audience('${A}'), { A: 'true' }).dataSources[0]?.audiences).toEqual(['true'])
  })
})

test('numbers and booleans are read from variables also within an upstream and a route', () => {
  const upstream = '{ url: http://legacy, maxPending: "${MANY}", timeout: "${TIME}" }'
  const asks = '{ scopes: [read], enforce: "${ENFORCE:-false}" }'
  const text = around(`    upstream: ${upstream}\n    routes: { GET /a: ${asks} }\n`)
  const { routes } = policyOf(text, { MANY: '7', TIME: '2s' })
  const { maxPending, timeout } = routes[0]?.dataSource.upstream ?? {}
  expect({ maxPending, timeout, enforce: routes[0]?.enforce }).toEqual({
    maxPending: 7,
    timeout: 2000,
    enforce: false,
  })
})

describe('${file:PATH}', () => {
  let directory = ''
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'feide-gateway-'))
    mkdirSync(join(directory, 'secrets'))
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const load = (content: string | Buffer, path = 'secrets/name') => {
    writeFileSync(join(directory, 'secrets/name'), content)
    writeFileSync(join(directory, 'policy.yaml'), gatekeeper(`"\${file:${path}}"`))
    const result = loadPolicy(join(directory, 'policy.yaml'), {})
    return result.ok ? result.policy : result.faults
  }
  const named = (content: string, path?: string) => {
    const policy = load(content, path)
    return 'dataSources' in policy ? policy.dataSources[0]?.headers.gatekeeper : policy
  }

  test.for([
    ['no newline', 'grades', 'grades'],
    ['one newline', 'grades\n', 'grades'],
    ['a newline of Windows', 'grades\r\n', 'grades'],
    ['a space inside', 'gra des\n', 'gra des'],
  ] as const)('with %s', ([, content, value]) => {
    expect(named(content)).toBe(value)
  })
  test('of two newlines only the last is cut', () => {
    const file = join(directory, 'policy.yaml')
    expect(load('grades\n\n')).toEqual([
      `${file}:7:19: dataSources.grades.headers.gatekeeper: expected visible ASCII characters, got the value of \${file:secrets/name}`,
    ])
  })
  test('a path is one from the policy file, or absolute', () => {
    expect(named('grades', join(directory, 'secrets/name'))).toBe('grades')
  })
  test('the policy knows which files it is made of', () => {
    expect(load('grades')).toMatchObject({ included: [join(directory, 'secrets/name')] })
  })
  test('a directory is no file', () => {
    expect(named('', 'secrets')).toEqual([
      `${join(directory, 'policy.yaml')}:7:19: dataSources.grades.headers.gatekeeper: expected the file secrets to be readable, got a directory`,
    ])
  })
})
