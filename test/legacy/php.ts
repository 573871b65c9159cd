import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { ROOT } from '../support/gateway.ts'

const PHP = 'php'
const ROUTER = `${ROOT}docker/legacy-php/index.php`
const START_TIMEOUT = 15_000

/** Debian's php-cli; `npm run setup` installs it. */
export const hasPhp = spawnSync(PHP, ['--version'], { stdio: 'ignore' }).status === 0

export interface PhpApi {
  readonly port: number
  stop(): Promise<void>
}

/** Runs the PHP API of the compose stack in PHP's built-in server, as the stack does. */
export async function startPhp(password: string): Promise<PhpApi> {
  const env = { ...process.env, REPORTS_PASSWORD: password }
  const child = spawn(PHP, ['-S', '127.0.0.1:0', ROUTER], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  guard(child)
  const exited = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGKILL')
    await exited
  }
  try {
    return { port: await portOf(child), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** It says on stderr where it listens. */
async function portOf(child: ChildProcess & { stderr: NonNullable<ChildProcess['stderr']> }) {
  const lines = createInterface({ input: child.stderr })
  const signal = AbortSignal.timeout(START_TIMEOUT)
  const [line] = (await once(lines, 'line', { signal })) as [string]
  lines.close()
  child.stderr.resume()
  const [, port] = /Development Server \(http:\/\/127\.0\.0\.1:(\d+)\) started/.exec(line) ?? []
  if (port === undefined) throw new Error(`PHP does not serve: ${line}`)
  return Number(port)
}

/** Ends a process as soon as this one is gone, however it went: its end of the pipe closes then. */
function guard(child: ChildProcess): void {
  const script = 'read -r line; kill -9 "$1"'
  const watch = spawn('sh', ['-c', script, 'sh', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watch.on('error', () => {})
  watch.stdin.on('error', () => {})
  child.on('exit', () => watch.kill('SIGKILL'))
}
