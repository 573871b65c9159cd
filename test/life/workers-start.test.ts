import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { freePort } from '../support/redis.ts'
import { runs, startWorkers } from './workers.ts'

const SIZE = 2
/** Several processes begin several times; a busy machine takes its time. */
const TIMEOUT = 90_000

let issuer: Issuer
beforeAll(async () => {
  issuer = await startIssuer()
})
afterAll(() => issuer.close())

const begin = (more: object = {}) =>
  startWorkers(policy({ issuer, upstream: 'http://127.0.0.1:1', workers: SIZE, ...more }), SIZE)

const listenOn = (port: number) =>
  new Promise<Server>((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })

describe('a gateway of which one worker cannot begin', { timeout: TIMEOUT }, () => {
  test('does not begin: another program has taken the port meanwhile', async () => {
    const port = await freePort()
    const { pids, exited, cleanUp } = await begin({ listen: `127.0.0.1:${port}` })
    const server = await listenOn(port)
    try {
      const { code, stdout, stderr } = await exited
      expect({ code, stdout, stderr }).toEqual({
        code: 1,
        stdout: '',
        stderr: `error: 127.0.0.1:${port} is in use by another program: stop it, or change \`listen\` or \`admin\` in the policy\n`,
      })
      expect(pids.filter(runs)).toEqual([])
    } finally {
      server.close()
      cleanUp()
    }
  })
  test('does not begin: it was killed', async () => {
    const { pids, exited, cleanUp } = await begin()
    try {
      process.kill(pids[0] ?? 0, 'SIGKILL')
      const { code, stderr } = await exited
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: 'error: a worker ended by SIGKILL before it listened\n',
      })
      expect(pids.filter(runs)).toEqual([])
    } finally {
      cleanUp()
    }
  })
})
