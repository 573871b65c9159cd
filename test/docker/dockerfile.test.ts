import { describe, expect, test } from 'vitest'
import { parsePolicy } from '../../gateway/policy/parse.ts'
import { NODE_FLAGS } from '../bench/contestants/gateway.ts'
import { policy } from '../support/policy.ts'
import { read } from './support.ts'

interface Instruction {
  readonly name: string
  readonly rest: string
}

const instructionsOf = (file: string): readonly Instruction[] =>
  read(file)
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter(line => line.trim() !== '')
    .map(line => {
      const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
      return { name, rest }
    })

const all = instructionsOf('docker/Dockerfile')
const runtime = all.slice(all.findLastIndex(({ name }) => name === 'FROM'))
const value = (name: string) => runtime.findLast(it => it.name === name)?.rest ?? ''
const command = JSON.parse(value('HEALTHCHECK').replace(/^.* CMD (?=\[)/, '')) as string[]

describe('the image of the gateway', () => {
  test('starts Node as process 1: exec form, without a shell or npm between', () => {
    const [entry, args] = [JSON.parse(value('ENTRYPOINT')), JSON.parse(value('CMD'))]
    expect([...entry, ...args]).toEqual([
      ...['node', ...NODE_FLAGS, 'dist/main.cjs'],
      ...['serve', '--config', '/etc/feide-gateway/gateway.yaml'],
    ])
  })

  test('has a user that is not root, as a number', () => {
    expect(value('USER')).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/)
  })

  test('starts from nothing: no shell, no package manager', () => {
    expect(runtime[0]?.rest).toBe('scratch')
    expect(runtime.filter(({ name }) => name === 'RUN')).toEqual([])
  })

  test('looks after its health at the admin port that policies have by default', () => {
    const text = policy({ issuer: 'https://issuer.test', upstream: 'http://api.test' })
    const parsed = parsePolicy('', text.replace(/^(listen|admin):.*\n/gm, ''), {})
    if (!parsed.ok || parsed.policy.admin === 'off') throw new Error('no admin port by default')
    const { port } = parsed.policy.admin
    expect(command.slice(0, 2)).toEqual(['node', '-e'])
    expect(command[2]).toContain(`http://127.0.0.1:${port}/healthz`)
    expect(value('EXPOSE')).toBe(`${parsed.policy.listen.port} ${port}`)
  })

  test('says what it is, and the version of the package', () => {
    const { version, license, description } = JSON.parse(read('package.json'))
    expect(runtime).toContainEqual({ name: 'ARG', rest: `VERSION=${version}` })
    const label = value('LABEL')
    expect(label).toContain(`org.opencontainers.image.licenses="${license}"`)
    expect(label).toContain(`org.opencontainers.image.description="${description}"`)
    expect(label).toContain(`org.opencontainers.image.version="\${VERSION}"`)
  })
})

describe.each(['docker/Dockerfile', 'docker/local-stack/Dockerfile'])('%s', file => {
  const instructions = instructionsOf(file)

  test('installs exactly what the lock file says, and runs no script of a package', () => {
    const installs = instructions.flatMap(({ rest }) => rest.match(/npm (ci|install)[^&]*/g) ?? [])
    expect(installs.map(text => text.trim())).toEqual(['npm ci --ignore-scripts'])
  })

  test('needs neither BuildKit nor a secret', () => {
    expect(read(file)).not.toMatch(/--mount|--chmod|--link|<<|syntax=/)
    expect(read(file)).not.toMatch(/_authToken|password|npmrc/i)
  })

  test('takes its base by a name that can be changed', () => {
    const [arg, from] = instructions
    expect(arg).toEqual({ name: 'ARG', rest: 'NODE_IMAGE=node:26-slim' })
    expect(from?.rest).toContain(`\${NODE_IMAGE}`)
  })

  test('copies only what .dockerignore lets through', () => {
    const allowed: readonly string[] = read('.dockerignore').match(/(?<=^!).*$/gm) ?? []
    const copied = instructions
      .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'))
      .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1))
    expect(copied.filter(path => !allowed.includes(path))).toEqual([])
  })
})

test('what images are built from is listed, and all else ignored', () => {
  const lines = read('.dockerignore')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
  expect(lines[0]).toBe('*')
  expect(lines.slice(1).filter(line => !line.startsWith('!'))).toEqual([])
  expect(lines.filter(line => /env|secret|node_modules|\.git/.test(line))).toEqual([])
})
