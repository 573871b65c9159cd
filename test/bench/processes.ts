import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'

/** Everything that runs for the bench, to be ended with it. */
const running = new Set<ChildProcess>()

/** With it the kernel ends a process when the bench is gone, killed included. */
const withParent = isInstalled('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : []

export function isInstalled(command: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', command]).status === 0
}

/** Starts a process that ends when the bench ends, however it ends. */
export function guarded(command: readonly string[], options: SpawnOptions): ChildProcess {
  const [file = '', ...args] = [...withParent, ...command]
  const env = { ...process.env, NODE_ENV: 'production', ...options.env }
  const child = spawn(file, args, { ...options, env })
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}

/** Ends whatever still runs, at once. */
export function endAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** A server in its own process, its stdout a pipe that is read to the last byte. */
export interface Server {
  readonly pid: number
  /** Where its files are. */
  readonly directory: string
  /** Calls back with text of its log; returns how to stop that. */
  readonly onLog: (listen: (text: string) => void) => () => void
  /** The end of what it said on stderr. */
  readonly complaints: () => string
  readonly hasEnded: () => boolean
  /** SIGTERM; SIGKILL when that does not help within some seconds. */
  readonly stop: () => Promise<void>
}

/** Milliseconds. */
const PATIENCE = 5_000

/** @param directory where a pipe with a name can be made: Node's own are sockets, which nginx cannot open */
export function startServer(command: readonly string[], directory: string): Server {
  const { reader, writeEnd } = namedPipe(join(directory, 'log'))
  const child = guarded(command, { cwd: directory, stdio: ['ignore', writeEnd, 'pipe'] })
  closeSync(writeEnd)
  let complaints = ''
  child.stderr?.setEncoding('utf8').on('data', text => {
    complaints = (complaints + text).slice(-4096)
  })
  reader.resume()
  const ended = new Promise<void>(resolve => {
    child.once('error', error => {
      complaints += error.message
      resolve()
    })
    child.once('close', () => resolve())
  })
  const stop = async () => {
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
    await ended
    clearTimeout(timer)
    reader.destroy()
  }
  const onLog: Server['onLog'] = listen => {
    const hear = (chunk: Buffer) => listen(chunk.toString('latin1'))
    reader.on('data', hear)
    return () => reader.off('data', hear)
  }
  return {
    pid: child.pid ?? 0,
    directory,
    onLog,
    complaints: () => complaints,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined,
    stop,
  }
}

function namedPipe(path: string) {
  const made = spawnSync('mkfifo', [path])
  if (made.status !== 0) throw new Error(`mkfifo ${path}: ${made.stderr}`)
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writeEnd = openSync(path, constants.O_WRONLY)
  return { reader: new Socket({ fd: readEnd, readable: true, writable: false }), writeEnd }
}
