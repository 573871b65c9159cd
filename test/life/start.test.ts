import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, startFailing, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'

let issuer: Issuer
let taken: { readonly port: number; close(): void }
beforeAll(async () => {
  issuer = await startIssuer()
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  taken = { port, close: () => server.close() }
})
afterAll(async () => {
  taken.close()
  await issuer.close()
})

const rules = (overrides: object = {}) =>
  policy({ issuer, upstream: 'http://127.0.0.1:1', ...overrides })

describe('serve', () => {
  test('prints one line per listener, and ends with 0 on SIGTERM', async () => {
    const gateway = await startGateway(rules())
    const listening = gateway.logs.filter(({ msg }) => msg === 'listening')
    const line = {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      msg: 'listening',
      address: '127.0.0.1',
    }
    expect(listening).toEqual([
      { ...line, listener: 'gateway', port: gateway.port },
      { ...line, listener: 'admin', port: gateway.adminPort },
    ])
    expect(await gateway.stop()).toBe(0)
    expect(gateway.errorText).toBe('')
  })
  test('says so too where the level of the log is higher, and listens once with admin: off', async () => {
    const gateway = await startGateway(rules({ admin: 'off', log: { level: 'error' } }))
    expect(gateway.logs.map(({ msg, listener }) => [msg, listener])).toEqual([
      ['listening', 'gateway'],
    ])
    expect(await gateway.stop()).toBe(0)
  })
})

/** How `serve` gave up; the log may tell of the keys meanwhile. */
async function failing(broken: string) {
  const { code, stdout, stderr } = await startFailing(broken)
  return { code, stderr, isListening: stdout.includes('listening') }
}

describe.for([
  ['in one process', 1],
  ['in several', 2],
] as const)('serve %s that cannot begin ends with 1 and a word on stderr', ([, workers]) => {
  const text = (overrides: object = {}) => rules({ ...overrides, workers })
  const inUse = () =>
    `error: 127.0.0.1:${taken.port} is in use by another program: stop it, or change \`listen\` or \`admin\` in the policy\n`
  test('where the port of the gateway is in use', async () => {
    expect(await failing(text({ listen: `127.0.0.1:${taken.port}` }))).toEqual({
      code: 1,
      isListening: false,
      stderr: inUse(),
    })
  })
  test('where the port of the admin server is in use', async () => {
    expect(await failing(text({ admin: `127.0.0.1:${taken.port}` }))).toEqual({
      code: 1,
      isListening: false,
      stderr: inUse(),
    })
  })
  test('where the address is none of this machine', async () => {
    expect(await failing(text({ listen: '192.0.2.1:0' }))).toEqual({
      code: 1,
      isListening: false,
      stderr: 'error: 192.0.2.1 is no address of this machine\n',
    })
  })
  test('where the name of the host is unknown', async () => {
    expect(await failing(text({ listen: 'no.such.invalid:0' }))).toEqual({
      code: 1,
      isListening: false,
      stderr: expect.stringMatching(/^error: .*no\.such\.invalid.*\n$/),
    })
  })
  test('where the policy has a fault', async () => {
    const routes = { 'GET /courses': { scopes: [] }, 'GET /open': 'open' }
    const broken = text({ dataSources: { grades: { routes } } })
    const lines = broken.split('\n')
    const scopes = lines.findIndex(line => line.includes('scopes: []')) + 1
    const open = lines.findIndex(line => line.includes('GET /open')) + 1
    expect(await startFailing(broken)).toEqual({
      code: 1,
      stdout: '',
      stderr: [
        `policy.yaml:${scopes}:17: dataSources.grades.routes["GET /courses"].scopes: expected at least one scope, got []`,
        `  ${scopes} |         scopes: []`,
        '     |                 ^^',
        `policy.yaml:${open}:18: dataSources.grades.routes["GET /open"]: expected { scopes: […] }, \`authenticated\` or \`public\`, got "open"`,
        `  ${open} |       GET /open: open`,
        '     |                  ^^^^',
        '',
      ].join('\n'),
    })
  })
  test('where the policy is not there', async () => {
    expect(await cli(['serve', '--config', '/no/such/policy.yaml'])).toEqual({
      code: 1,
      stdout: '',
      stderr: '/no/such/policy.yaml: expected a file that can be read, got no such file\n',
    })
  })
})
