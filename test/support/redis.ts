import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const SERVER = 'redis-server'
const START_TIMEOUT = 15_000

export type RedisOptions = {
  /** Further arguments of `redis-server`, such as `--requirepass secret`. */
  readonly args?: readonly string[]
  /** What `redis-cli` needs to be let in. */
  readonly login?: readonly string[]
  /** Lines of the configuration of a Sentinel; without any it is a plain Redis. */
  readonly sentinel?: readonly string[]
  /** Serves TLS alone, with this certificate and key. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

export type Redis = {
  readonly port: number
  readonly url: string
  /** One command over a connection of its own; what `redis-cli` prints of the answer. */
  cli(...command: string[]): Promise<string>
  /** It answers nothing any more, its connections stay open. */
  pause(): void
  resume(): void
  /** Ends at once, as in a crash; nothing is kept. */
  stop(): Promise<void>
  /** Begins anew on the same port, empty. */
  start(): Promise<void>
  /** Ends it for good and cleans up. */
  close(): Promise<void>
}

/** A real `redis-server` on a free port, which keeps nothing on disk and ends with this process. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const { login = [], tls } = options
  const directory = mkdtempSync(join(tmpdir(), 'feide-gateway-redis-'))
  const port = await freePort()
  const secure = tls ? ['--tls', '--cacert', tls.cert] : []
  let child: ChildProcess | undefined

  const cli: Redis['cli'] = async (...command) => {
    const args = ['-e', '-h', '127.0.0.1', '-p', String(port), ...secure, ...login, ...command]
    const { stdout } = await promisify(execFile)('redis-cli', args, { timeout: 5000 })
    return stdout.replace(/\n$/, '')
  }
  const redis: Redis = {
    port,
    url: `redis${tls ? 's' : ''}://${tls ? 'localhost' : '127.0.0.1'}:${port}`,
    cli,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async stop() {
      const ended = child
      child = undefined
      if (ended === undefined || ended.exitCode !== null || ended.signalCode !== null) return
      await new Promise<void>(resolve => {
        ended.once('exit', () => resolve())
        ended.kill('SIGKILL')
      })
    },
    async start() {
      child = spawn(SERVER, argumentsFor(directory, port, options), { stdio: 'ignore' })
      guard(child)
      const answers = () =>
        cli('ping').then(
          text => text === 'PONG',
          () => false,
        )
      await waitUntil(answers, `redis-server does not answer on port ${port}`)
    },
    async close() {
      await redis.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
  await redis.start().catch(async (error: unknown) => {
    await redis.close()
    throw error
  })
  return redis
}

/** Waits for a condition, looking often; throws with the words where it does not come true. */
export async function waitUntil(
  holds: () => boolean | Promise<boolean>,
  words: string | (() => string),
  timeout = START_TIMEOUT,
): Promise<void> {
  const deadline = Date.now() + timeout
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(typeof words === 'string' ? words : words())
    await sleep(20)
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>(resolve => server.close(() => resolve()))
  return port
}

function argumentsFor(directory: string, port: number, options: RedisOptions): string[] {
  const { args = [], sentinel, tls } = options
  const common = ['--bind', '127.0.0.1', '--dir', directory]
  const plain = ['--port', tls ? '0' : String(port)]
  if (sentinel) {
    // A Sentinel writes what it learns into its configuration: it needs a file.
    const file = join(directory, 'sentinel.conf')
    writeFileSync(file, `${sentinel.join('\n')}\n`)
    return [file, '--sentinel', ...plain, ...common]
  }
  const secure = tls
    ? ['--tls-port', String(port), '--tls-cert-file', tls.cert, '--tls-key-file', tls.key]
    : []
  const noClients = tls ? ['--tls-auth-clients', 'no'] : []
  const nothingKept = ['--save', '', '--appendonly', 'no']
  return [...plain, ...common, ...secure, ...noClients, ...nothingKept, ...args]
}

/** Ends a process as soon as this one is gone, however it went: its end of the pipe closes then. */
function guard(child: ChildProcess): void {
  const script = 'read -r line; kill -9 "$1"'
  const watch = spawn('sh', ['-c', script, 'sh', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watch.on('error', () => {})
  watch.stdin?.on('error', () => {})
  child.on('error', () => watch.kill('SIGKILL'))
  child.on('exit', () => watch.kill('SIGKILL'))
}
