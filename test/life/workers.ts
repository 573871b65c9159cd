import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type Gateway, ROOT, writeTemporary } from '../support/gateway.ts'
import { request, sendOne } from '../support/raw.ts'
import { waitUntil } from '../support/redis.ts'

/** Gateways with several processes: how many there are, and which of them does what. */

type Admin = Pick<Gateway, 'admin'>

export type WorkerSaid = {
  readonly pid: number
  readonly startedAt: string
  readonly notReady: string | null
}

export type StatusSaid = {
  readonly keys: { readonly age: number | null; readonly source: string | null }
  readonly upstreams: unknown
  readonly workers?: readonly WorkerSaid[]
}

export const statusOf = async (gateway: Admin): Promise<StatusSaid> =>
  (await gateway.admin('/status')).json() as Promise<StatusSaid>

export const workersOf = async (gateway: Admin): Promise<readonly WorkerSaid[]> =>
  (await statusOf(gateway)).workers ?? []

export const pidsOf = async (gateway: Admin): Promise<number[]> =>
  (await workersOf(gateway)).map(({ pid }) => pid)

/** Waits until so many workers serve, none of which is one of these. */
export async function untilServing(
  gateway: Admin & { readonly logText: string },
  size: number,
  without: readonly number[] = [],
): Promise<number[]> {
  let pids: number[] = []
  const all = async () => {
    const workers = await workersOf(gateway)
    pids = workers.map(({ pid }) => pid)
    const ready = workers.every(({ pid, notReady }) => notReady === null && !without.includes(pid))
    return ready && workers.length === size
  }
  await waitUntil(all, () => `not ${size} workers, but ${pids}:\n${gateway.logText}`, 60_000)
  return pids
}

/** Whether a process runs; one that has ended and was not waited for does not. */
export function runs(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** The processes that a process has begun. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}

/** How many connections of a port of this machine a process holds. */
export function connectionsOf(pid: number, port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const established = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${hex}`) && state === '01')
  const sockets = new Set(established.map(fields => `socket:[${fields[9]}]`))
  const targets = readdirSync(`/proc/${pid}/fd`).map(fd => linkOf(`/proc/${pid}/fd/${fd}`))
  return targets.filter(target => sockets.has(target)).length
}

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** A gateway whose workers have begun, but do not listen yet; in a process group of its own. */
export async function startWorkers(text: string, size: number) {
  const { directory, file } = writeTemporary(text)
  const node = join(ROOT, 'node_modules/.bin/node')
  const args = [join(ROOT, 'gateway/main.ts'), 'serve', '--config', file]
  const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const pid = child.pid ?? 0
  const [stdout, stderr] = [readAll(child.stdout), readAll(child.stderr)]
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  const exited = ended.then(code => ({ code, stdout: stdout(), stderr: stderr() }))
  const cleanUp = () => {
    child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
  const begun = () => child.exitCode === null && childrenOf(pid).length === size
  await waitUntil(begun, () => `no workers:\n${stdout()}${stderr()}`, 30_000).catch(error => {
    cleanUp()
    throw error
  })
  return { pid, pids: childrenOf(pid), exited, cleanUp }
}

function readAll(stream: Readable): () => string {
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  return () => text
}

/** One request over a connection of its own: its status, or why there was no answer. */
export type Try = { readonly said: number | string; readonly began: number; readonly ended: number }

export async function tryOnce(port: number, target: string, timeout = 10_000): Promise<Try> {
  const began = Date.now()
  const headers = { Connection: 'close' }
  const said = await sendOne(port, request({ target, headers }), { timeout }).then(
    ({ status, complete }) => (complete ? status : 'cut'),
    (error: Error) => error.message,
  )
  return { said, began, ended: Date.now() }
}

/** Keeps so many requests going, one after the other on connections of their own, until stopped. */
export function keepAsking(port: number, target: string, abreast = 8) {
  const tries: Try[] = []
  let stopped = false
  const ask = async () => {
    while (!stopped) tries.push(await tryOnce(port, target))
  }
  const over = Promise.all(Array.from({ length: abreast }, ask))
  const stop = async () => {
    stopped = true
    await over
    return tries
  }
  return { tries, stop }
}

export const saidBy = (tries: readonly Try[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { said } of tries) counts[said] = (counts[said] ?? 0) + 1
  return counts
}
