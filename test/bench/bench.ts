import { spawnSync } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import type { Contestant, Setup } from './contestant.ts'
import { freePort, untilListening } from './ports.ts'
import { descriptorLimit } from './proc.ts'
import { endAll, type Server, startServer } from './processes.ts'
import { type ApiServer, startApi } from './upstream.ts'

/** What all scenarios of one run share. */
export interface Bench {
  readonly directory: string
  readonly issuer: Issuer
  readonly api: ApiServer
  readonly descriptors: number
  readonly rounds: number
  /** Whole seconds that a round is measured for. */
  readonly seconds: number
  readonly contestants: readonly Contestant[]
  /** Starts a contestant, in front of the API unless another port is said. */
  readonly start: (contestant: Contestant, changes?: Changes) => Promise<Running>
  readonly say: (text: string) => void
}

type Changes = Partial<Pick<Setup, 'upstreamPort' | 'routes' | 'profile'>>

/** A contestant in service. */
export interface Running {
  readonly contestant: Contestant
  readonly name: string
  readonly port: number
  readonly server: Server
  /** Milliseconds from its start until it listened. */
  readonly startTime: number
}

export type BenchOptions = Pick<Bench, 'rounds' | 'seconds' | 'contestants' | 'say'>

/** Descriptors for ten thousand callers, each with a connection to the upstream, and some to spare. */
const DESCRIPTORS = 32_768

/** Opens a bench: a folder, an issuer, the API. Whatever it started ends with `close`. */
export async function openBench(options: BenchOptions) {
  const directory = mkdtempSync(join(tmpdir(), 'feide-gateway-bench-'))
  const close = async () => {
    endAll()
    await bench?.issuer.close()
    rmSync(directory, { recursive: true, force: true })
  }
  // Inherited by all that is started. Needs root where the limit is lower.
  spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`])
  const descriptors = Math.min(DESCRIPTORS, descriptorLimit())
  let bench: Bench | undefined
  try {
    const issuer = await startIssuer()
    const keyFile = join(directory, 'issuer.pem')
    const publicKey = createPublicKey(issuer.privateKey).export({ type: 'spki', format: 'pem' })
    writeFileSync(keyFile, publicKey)
    const api = await startApi(directory, descriptors)
    const shared = { directory, issuer, keyFile, descriptors, upstreamPort: api.port }
    bench = { ...options, directory, issuer, api, descriptors, start: starter(shared) }
    return { bench, close }
  } catch (error) {
    await close()
    throw error
  }
}

interface Shared {
  readonly directory: string
  readonly issuer: Issuer
  readonly keyFile: string
  readonly descriptors: number
  readonly upstreamPort: number
}

/** Starts contestants, each in a folder of its own. */
export function starter({ directory: parent, issuer, ...shared }: Shared): Bench['start'] {
  let count = 0
  return async (contestant, changes = {}) => {
    const directory = join(parent, `${contestant.name}-${count++}`)
    await mkdir(directory)
    const port = await freePort()
    const setup = { ...shared, ...changes, directory, port, issuer: issuer.url }
    const command = contestant.command(setup)
    const startedAt = performance.now()
    const server = startServer(command, directory)
    await untilListening(port, server).catch(async error => {
      await server.stop()
      throw new Error(`${contestant.name} did not start: ${error.message}`)
    })
    const startTime = performance.now() - startedAt
    return { contestant, name: contestant.name, port, server, startTime }
  }
}
