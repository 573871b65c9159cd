import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startGateway } from '../../docker/local-stack/gateway-child.ts'
import { type Origin, startOrigin } from '../load/origin.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policyText } from './policy.ts'

/** The issuer in this process, the upstream and the gateway each in one of its own. */
export type Servers = {
  readonly issuer: Issuer
  readonly origin: Origin
  readonly gateway: {
    readonly pid: number
    readonly port: number
    /** The status of a path of the admin server, and what it says. */
    admin(path: string): Promise<{ readonly status: number; readonly text: string }>
    /** What its log should never say. */
    readonly logFaults: readonly string[]
    /** SIGTERM; the exit status. */
    stop(): Promise<number>
  }
  stop(): Promise<number>
}

export async function startServers(): Promise<Servers> {
  const [issuer, origin] = await Promise.all([startIssuer(), startOrigin()])
  const directory = mkdtempSync(join(tmpdir(), 'feide-gateway-soak-'))
  const file = join(directory, 'gateway.yaml')
  writeFileSync(file, policyText({ issuer: issuer.url, upstream: origin.url }))
  const child = startGateway({ env: {}, args: ['gateway/main.ts', 'serve', '--config', file] })
  const log = watchLog(child.output)
  const clean = async () => {
    await Promise.all([issuer.close(), origin.kill()])
    rmSync(directory, { recursive: true, force: true })
  }
  if (!(await child.ready)) {
    await clean()
    throw new Error('the gateway did not start')
  }
  const [port = 0, adminPort = 0] = await log.ports
  const gateway = {
    pid: child.pid,
    port,
    logFaults: log.faults,
    async admin(path: string) {
      const headers = { connection: 'close' }
      const answer = await fetch(`http://127.0.0.1:${adminPort}${path}`, { headers })
      return { status: answer.status, text: await answer.text() }
    },
    async stop() {
      await child.stop()
      return child.exited
    },
  }
  while ((await gateway.admin('/readyz')).status !== 200) await sleep(20)
  const stop = () => gateway.stop().finally(clean)
  return { issuer, origin, gateway, stop }
}

/** A request that failed inside the gateway, and the beginning of any JWT. */
const NEVER = ['request failed', 'eyJ']

/** Reads the log as it comes, for ever; keeps what should not be there. */
function watchLog(output: NodeJS.ReadableStream) {
  const faults: string[] = []
  let start: string | undefined = ''
  const ports = new Promise<readonly number[]>(resolve => {
    output.on('data', (chunk: Buffer) => {
      if (start !== undefined) {
        start += chunk.toString()
        const found = portsIn(start)
        if (found.length === 2) {
          start = undefined
          resolve(found)
        }
      }
      for (const words of NEVER) {
        const at = chunk.indexOf(words)
        if (at >= 0) faults.push(chunk.toString('utf8', Math.max(0, at - 300), at + 300))
      }
    })
  })
  return { ports, faults }
}

/** Of the callers' listener and of the admin's, which says so after it. */
const portsIn = (text: string): number[] =>
  [...text.matchAll(/"port":(\d+),"msg":"listening"/g)].map(([, port]) => Number(port))
