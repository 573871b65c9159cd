import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cli, ROOT } from '../support/gateway.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

describe('the command line', () => {
  test('--help shows every command and the exit status, on stdout', async () => {
    const { code, stdout, stderr } = await cli(['--help'])
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(commands).toEqual(
      expect.arrayContaining(['serve', 'check', 'routes', 'explain', 'token', 'diff']),
    )
    expect(stdout).toContain('Exit status: 0 done, 1 the answer is no, 2 wrong usage.')
  })
  test('COMMAND --help shows how a command is used, on stdout', async () => {
    const { code, stdout, stderr } = await cli(['explain', '--help'])
    const first = stdout.split('\n')[0]
    expect({ code, stderr, first }).toEqual({
      code: 0,
      stderr: '',
      first: 'Usage: feide-gateway explain [options] [file] METHOD URL',
    })
  })
  test('--version is that of the package', async () => {
    expect(await cli(['--version'])).toEqual({
      code: 0,
      stdout: `${JSON.parse(read('package.json')).version}\n`,
      stderr: '',
    })
  })
  test('schema prints the schema file, byte for byte', async () => {
    expect(await cli(['schema'])).toEqual({
      code: 0,
      stdout: read('config/gateway.schema.json'),
      stderr: '',
    })
  })
})

describe('wrong usage ends with 2, a word on stderr and nothing on stdout', () => {
  test.for([
    ['nothing at all', [], ''],
    ['an unknown command', ['run'], "error: unknown command 'run'"],
    ['an unknown option', ['check', '--loud'], "error: unknown option '--loud'"],
    [
      'two files',
      ['check', 'a', 'b'],
      "error: too many arguments for 'check'. Expected 1 argument but got 2: a, b.",
    ],
    [
      'an option without its value',
      ['serve', '--config'],
      "error: option '-c, --config <file>' argument missing",
    ],
    [
      'explain with a method alone',
      ['explain', 'GET'],
      'error: expected [file] METHOD URL, got GET',
    ],
    [
      'explain with a word too many',
      ['explain', 'f', 'GET', '/a', 'b'],
      'error: expected [file] METHOD URL, got f GET /a b',
    ],
    [
      'explain with a token and claims',
      ['explain', 'GET', '/a', '--token', 'x', '--claims', '{}'],
      'error: expected either --token or --claims',
    ],
  ] as const)('%s', async ([, args, says]) => {
    const { code, stdout, stderr } = await cli(args)
    expect({ code, stdout, stderr: stderr.split('\n')[0] }).toEqual({
      code: 2,
      stdout: '',
      stderr: says === '' ? expect.stringMatching(/^Usage: feide-gateway/) : says,
    })
  })
})
