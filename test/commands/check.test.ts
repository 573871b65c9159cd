import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { check } from '../../gateway/commands/check.ts'
import { cli } from '../support/gateway.ts'
import { policy } from '../support/policy.ts'
import { onTerminal, policyFile } from './support.ts'

const SOUND = policy({ issuer: 'https://auth.dataporten.no', upstream: 'http://legacy' })
const WARNED = policy({
  issuer: 'https://auth.dataporten.no',
  upstream: 'http://legacy',
  dataSources: { grades: { headers: { allow: ['x_dataporten_userid'] } } },
})
const BROKEN = SOUND.replace('GET /me: authenticated', 'get /me: anyone')

const OK = 'data source(s), 3 route(s)'
const WARNING =
  'warning: dataSources.grades.headers.allow[0]: expected a name that may pass (this one is never taken from a caller), got "x_dataporten_userid"'
const FAULTS = [
  'dataSources.grades.routes["get /me"]: expected { scopes: […] }, `authenticated` or `public`, got "anyone"',
  'dataSources.grades.routes["get /me"]: expected an HTTP method in capitals, or ANY, got get',
]

describe('check', () => {
  test('says that a sound policy is sound, on stdout', async () => {
    const { file } = policyFile(SOUND)
    expect(await cli(['check', file])).toEqual({
      code: 0,
      stdout: `ok ${file}: 1 ${OK}\n`,
      stderr: '',
    })
  })
  test('shows warnings, which are no reason to fail', async () => {
    const { file } = policyFile(WARNED)
    const line = WARNED.split('\n').findIndex(text => text.includes('x_data')) + 1
    expect(await onTerminal(terminal => check(file, terminal))).toEqual({
      status: 0,
      out: [
        `${file}:${line}:11: ${WARNING}`,
        `  ${line} |         - x_dataporten_userid`,
        '     |           ^^^^^^^^^^^^^^^^^^^',
        `ok ${file}: 1 ${OK}, 1 warning(s)`,
      ],
      err: [],
    })
  })
  test('shows every fault on stdout, since they are its answer, and ends with 1', async () => {
    const { file } = policyFile(BROKEN)
    const line = BROKEN.split('\n').findIndex(text => text.includes('get /me')) + 1
    expect(await cli(['check', file])).toEqual({
      code: 1,
      stdout: [
        `${file}:${line}:7: ${FAULTS[1]}`,
        `  ${line} |       get /me: anyone`,
        '     |       ^^^^^^^',
        `${file}:${line}:16: ${FAULTS[0]}`,
        `  ${line} |       get /me: anyone`,
        '     |                ^^^^^^',
        `not ok ${file}: 2 error(s)`,
        '',
      ].join('\n'),
      stderr: '',
    })
  })
  test('reads config/gateway.yaml of the working directory where no file is named', async () => {
    const { directory } = policyFile('')
    mkdirSync(join(directory, 'config'))
    writeFileSync(join(directory, 'config/gateway.yaml'), SOUND)
    const { code, stdout } = await cli(['check'], { cwd: directory })
    expect({ code, stdout }).toEqual({ code: 0, stdout: `ok config/gateway.yaml: 1 ${OK}\n` })
  })
  test('fills in variables from its own environment', async () => {
    const text = SOUND.replace('http://legacy', '$' + '{UPSTREAM}')
    const { file } = policyFile(text)
    const env = { UPSTREAM: 'http://legacy' }
    const said = async (given: Record<string, string>) =>
      (await onTerminal(terminal => check(file, terminal), { env: given })).status
    expect([await said(env), await said({})]).toEqual([0, 1])
  })
  test('has colours on a terminal alone', async () => {
    const { file } = policyFile(BROKEN)
    const plain = await cli(['check', file], { env: { FORCE_COLOR: '1', NO_COLOR: '' } })
    const painted = await onTerminal(terminal => check(file, terminal), { colours: true })
    expect(plain.stdout).not.toContain('\x1b')
    const colour = '\x1b[31m'
    expect(painted.out.map(line => line.includes(colour))).toEqual([
      ...[true, false, true],
      ...[true, false, true],
      true,
    ])
    expect(painted.out[2]).toBe(`     |       ${colour}^^^^^^^\x1b[39m`)
  })
})

describe('check --strict', () => {
  const strict = { format: 'text', strict: true } as const
  test('takes warnings for errors', async () => {
    const { file } = policyFile(WARNED)
    const { status, out } = await onTerminal(terminal => check(file, terminal, strict))
    expect({ status, first: out[0], last: out.at(-1) }).toEqual({
      status: 1,
      first: expect.stringMatching(
        /:11: dataSources\.grades\.headers\.allow\[0\]: expected a name/,
      ),
      last: `not ok ${file}: 1 error(s)`,
    })
  })
  test('has nothing against a policy without warnings', async () => {
    const { file } = policyFile(SOUND)
    expect((await onTerminal(terminal => check(file, terminal, strict))).status).toBe(0)
  })
  test('as a process ends with 1', async () => {
    const { file } = policyFile(WARNED)
    expect((await cli(['check', '--strict', file])).code).toBe(1)
  })
})

describe('a warning that is meant', () => {
  const warned = (comment: string, above = '') => `issuer: { url: https://a.no }
dataSources:
  grades:
    audience: grades
    upstream: http://legacy
    headers:
${above}      useridSec: [feide, nin] ${comment}
    routes: { GET /a: public }
`
  const findings = async (text: string) => {
    const { out } = await onTerminal(on => check(policyFile(text).file, on, { ...JSON_FORMAT }))
    return JSON.parse(out.join('\n')).findings.length
  }
  test.for<readonly [string, string, number]>([
    ['is told without a word', warned(''), 1],
    ['is accepted with a reason on its line', warned('# accepted: the payroll needs it'), 0],
    ['is accepted on the line above', warned('', '      # accepted: the payroll needs it\n'), 0],
    ['needs a reason', warned('# accepted:'), 1],
    ['is not accepted further up', warned('', '      # accepted: no\n      gatekeeper: a\n'), 1],
  ])('%s', async ([, text, count]) => expect(await findings(text)).toBe(count))
  test('an error is an error all the same', async () => {
    expect(await findings(warned('').replace('useridSec', 'userdSec'))).toBe(1)
    const accepted = warned('# accepted: why not').replace('useridSec', 'userdSec')
    expect(await findings(accepted)).toBe(1)
  })
})

const JSON_FORMAT = { format: 'json', strict: false } as const

describe('check --json', () => {
  test('is what editors and CI read', async () => {
    const { file } = policyFile(BROKEN)
    const line = BROKEN.split('\n').findIndex(text => text.includes('get /me')) + 1
    const where = 'dataSources.grades.routes["get /me"]'
    const { code, stdout, stderr } = await cli(['check', '--json', file])
    expect({ code, stderr, answer: JSON.parse(stdout) }).toEqual({
      code: 1,
      stderr: '',
      answer: {
        ok: false,
        file,
        dataSources: null,
        routes: null,
        findings: [
          {
            severity: 'error',
            file,
            line,
            column: 7,
            endLine: line,
            endColumn: 14,
            where,
            message: 'expected an HTTP method in capitals, or ANY, got get',
            help: null,
          },
          {
            severity: 'error',
            file,
            line,
            column: 16,
            endLine: line,
            endColumn: 22,
            where,
            message: 'expected { scopes: […] }, `authenticated` or `public`, got "anyone"',
            help: null,
          },
        ],
      },
    })
  })
  test('of a sound policy has its size', async () => {
    const { file } = policyFile(SOUND)
    const { status, out } = await onTerminal(on => check(file, on, JSON_FORMAT))
    expect([status, JSON.parse(out.join(''))]).toEqual([
      0,
      { ok: true, file, dataSources: 1, routes: 3, findings: [] },
    ])
  })
  test('of a file that is not there has no place', async () => {
    const { out } = await onTerminal(on => check('no-such-file', on, JSON_FORMAT))
    expect(JSON.parse(out.join('')).findings).toMatchObject([
      { severity: 'error', line: null, column: null, endLine: null, endColumn: null, where: '' },
    ])
  })
})

describe('check --format github', () => {
  test('is annotations, escaped as GitHub wants them', async () => {
    const { directory } = policyFile('')
    const file = join(directory, '100%, a:b.yaml')
    writeFileSync(file, BROKEN.replace('anyone', 'publik'))
    const line = BROKEN.split('\n').findIndex(text => text.includes('get /me')) + 1
    const { code, stdout } = await cli(['check', '--format', 'github', file])
    const name = file.replace('100%, a:b', '100%25%2C a%3Ab')
    const at = (col: number, end: number) => `file=${name},line=${line},col=${col},endColumn=${end}`
    expect({ code, lines: stdout.split('\n') }).toEqual({
      code: 1,
      lines: [
        `::error ${at(7, 14)}::${FAULTS[1]}`,
        `::error ${at(16, 22)}::${FAULTS[0]?.replace('anyone', 'publik')}%0Adid you mean \`public\`?`,
        `not ok ${file}: 2 error(s)`,
        '',
      ],
    })
  })
  test('tells a warning from an error', async () => {
    const { file } = policyFile(WARNED)
    const { out } = await onTerminal(on => check(file, on, { format: 'github', strict: false }))
    expect(out[0]).toMatch(/^::warning file=/)
  })
  test('is one of the formats that there are', async () => {
    expect((await cli(['check', '--format', 'sarif'])).code).toBe(2)
  })
})
