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
      out: [`${file}:${line}:11: ${WARNING}`, `ok ${file}: 1 ${OK}`],
      err: [],
    })
  })
  test('shows every fault on stdout, since they are its answer, and ends with 1', async () => {
    const { file } = policyFile(BROKEN)
    const line = BROKEN.split('\n').findIndex(text => text.includes('get /me')) + 1
    expect(await cli(['check', file])).toEqual({
      code: 1,
      stdout: `${file}:${line}:7: ${FAULTS[1]}\n${file}:${line}:16: ${FAULTS[0]}\n`,
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
    expect(painted.out.every(line => line.startsWith('\x1b[31m'))).toBe(true)
  })
})
