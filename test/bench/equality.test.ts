import { createPublicKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CLIENT_ID, type Issuer, startIssuer, USER_ID } from '../support/issuer.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { type Bench, starter } from './bench.ts'
import { WORK } from './contestant.ts'
import { gateway } from './contestants/gateway.ts'
import { CONTESTANTS } from './contestants/index.ts'
import { unequalWork } from './equality.ts'

let directory: string
let issuer: Issuer
let upstream: Upstream
let start: Bench['start']

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'feide-gateway-bench-'))
  ;[issuer, upstream] = await Promise.all([startIssuer(), startUpstream()])
  const keyFile = join(directory, 'issuer.pem')
  const publicKey = createPublicKey(issuer.privateKey)
  writeFileSync(keyFile, publicKey.export({ type: 'spki', format: 'pem' }))
  start = starter({ directory, issuer, keyFile, descriptors: 1024, upstreamPort: upstream.port })
})

afterAll(async () => {
  await Promise.all([issuer.close(), upstream.close()])
  rmSync(directory, { recursive: true, force: true })
})

describe('before anything is timed, the bench', () => {
  const workers = CONTESTANTS.filter(({ authenticates }) => authenticates)

  for (const contestant of workers) {
    const remedy = contestant.missing()
    test.skipIf(remedy)(`finds that ${contestant.name} does the work`, async () => {
      const running = await start(contestant)
      try {
        expect(await unequalWork({ running, issuer, upstream })).toEqual([])
      } finally {
        await running.server.stop()
      }
    })
    if (remedy) console.warn(`${contestant.name} was NOT checked: ${remedy}`)
  }

  test('finds everything that a proxy leaves undone', async () => {
    const proxy = await startBareProxy(upstream.port)
    try {
      const running = { ...proxy, contestant: gateway, name: 'bare', startTime: 0 }
      const faults = await unequalWork({ running, issuer, upstream })
      const inShort = faults.map(fault => fault.replace(/Bearer eyJ\S+/, 'Bearer …'))
      const wanted = [
        ...leftUndoneFor('a token of a user', USER_ID),
        ...leftUndoneFor('a token of a system', 'nothing'),
        ...TAKEN,
      ]
      expect(inShort).toEqual(wanted.map(fault => `bare: ${fault}`))
    } finally {
      proxy.close()
    }
  })
})

/** Passes bytes on, and knows nothing of what they mean. */
async function startBareProxy(to: number) {
  const server = createServer(socket => {
    const onward = connect(to, '127.0.0.1')
    socket.pipe(onward).pipe(socket)
    socket.on('error', () => onward.destroy())
    onward.on('error', () => socket.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const silent = {
    pid: 0,
    directory: '',
    onLog: () => () => {},
    complaints: () => '',
    hasEnded: () => false,
    stop: async () => {},
  }
  return { port, server: silent, close: () => server.close() }
}

const leftUndoneFor = (what: string, userid: string): string[] => [
  `${what}: host is gateway.test instead of 127.0.0.1:${upstream.port}`,
  `${what}: x-forwarded-for is 192.0.2.1 instead of 127.0.0.1`,
  `${what}: x-forwarded-proto is nothing instead of http`,
  `${what}: x-forwarded-host is forged.example.no instead of gateway.test`,
  `${what}: authorization is Bearer … instead of ${WORK.authorization}`,
  `${what}: x-dataporten-gatekeeper is nothing instead of grades`,
  `${what}: x-dataporten-clientid is nothing instead of ${CLIENT_ID}`,
  `${what}: x-dataporten-scopes is forged instead of append,read`,
  `${what}: x-dataporten-userid is forged instead of ${userid}`,
  `${what}: x-dataporten-userid-sec is feide:forged@example.no instead of nothing`,
  `${what}: x-dataporten-anything is forged instead of nothing`,
  'X-Request-Id is nothing to the upstream, nothing to the caller',
]

const TAKEN = [
  'a request without a token is answered with 200',
  'a token that is none is answered with 200',
  'a token with another signature is answered with 200',
  'a token with other claims than were signed is answered with 200',
  'a token without a signature is answered with 200',
  'a token signed with the public key as a secret is answered with 200',
  'a token of another issuer is answered with 200',
  'a token for another audience is answered with 200',
  'an expired token is answered with 200',
  'a token without the scope is answered with 200',
  'a refused request reached the upstream',
  'a request leaves no line in the log',
]
