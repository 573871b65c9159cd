import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { PassThrough, type Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Milliseconds between asking the gateway to stop and making it. */
const PATIENCE = 5_000

const LISTENERS = 2

/** Bytes of output that are kept while the gateway starts. */
const HELD = 1024 * 1024

export interface GatewayOptions {
  readonly env: Readonly<Record<string, string>>
  /** What the process runs, relative to the repository; a test puts something else here. */
  readonly args?: readonly string[]
}

export interface GatewayChild {
  readonly pid: number
  /** Settles when both listeners listen (true) or when the process ends before that (false). */
  readonly ready: Promise<boolean>
  /** Its stdout from the start, held until somebody reads it. */
  readonly output: Readable
  /** The exit status, once the output is read too; 128 + n after signal n, as shells count. */
  readonly exited: Promise<number>
  /** SIGTERM, and SIGKILL when that is not heard. Settles when the process has ended. */
  stop(): Promise<void>
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const END_WITH_PARENT = new URL('./end-with-parent.ts', import.meta.url).href
const SERVE = ['gateway/main.ts', 'serve', '--config', 'config/gateway.yaml']

export const startGateway = ({ env, args = SERVE }: GatewayOptions): GatewayChild => {
  const child = spawn(process.execPath, ['--import', END_WITH_PARENT, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    // The channel (ipc) is what `end-with-parent` watches.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // A group of its own: Ctrl-C in a terminal reaches the parent only, which then stops the child.
    detached: true,
  })
  const output = new PassThrough({ highWaterMark: HELD })
  child.stdout?.pipe(output)
  const exit = once(child, 'exit')
  const ready = Promise.race([listening(child.stdout), exit.then(() => false)])
  const exited = exit.then(([code, signal]) => afterReading(output, statusOf(code, signal)))
  return { pid: child.pid ?? 0, ready, output, exited, stop: () => stop(child, exited) }
}

const statusOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? 128 + (signal === null ? 0 : constants.signals[signal])

// Its last words often say why it ended. Nobody may be reading, so this does not wait for ever.
const afterReading = async (output: Readable, status: number): Promise<number> => {
  await Promise.race([finished(output), setTimeout(500)])
  return status
}

const listening = (stdout: Readable | null): Promise<true> =>
  new Promise(resolve => {
    let text = ''
    const read = (chunk: Buffer): void => {
      text += chunk.toString()
      if (text.split('"msg":"listening"').length <= LISTENERS) return
      stdout?.off('data', read)
      resolve(true)
    }
    stdout?.on('data', read)
  })

const stop = async (child: ChildProcess, exited: Promise<number>): Promise<void> => {
  child.kill('SIGTERM')
  const inTime = await Promise.race([exited, setTimeout(PATIENCE, 'late')])
  if (inTime === 'late') child.kill('SIGKILL')
  await exited
}
