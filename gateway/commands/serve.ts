import { availableParallelism } from 'node:os'
import type { Writable } from 'node:stream'
import { recordingReader } from '../policy/snapshot.ts'
import { type Gateway, serve as putIntoService } from '../serve.ts'
import { serveWithWorkers } from '../workers/primary.ts'
import { WORKERS } from '../workers/processes.ts'
import { loadFor } from './check.ts'
import type { ExitStatus, Terminal } from './terminal.ts'

/** What the outside may tell a gateway that runs. */
export interface Signals {
  readonly onReload: (run: () => void) => void
  /** Called for each signal that asks to stop. */
  readonly onStop: (run: () => void) => void
  readonly exitNow: (status: 1) => void
  /** Called when the process ends by its own doing. */
  readonly onExit: (run: () => void) => void
}

/** `serve [--config FILE]`: runs until it is told to stop; a second word to stop ends it at once. */
export async function serve(
  file: string,
  version: string,
  signals: Signals,
  stdout: Writable,
  terminal: Terminal,
): Promise<ExitStatus> {
  const { read, snapshot } = recordingReader()
  const policy = loadFor(file, terminal, { read, warn: true })?.policy
  if (!policy) return 1
  // Heard from the first moment on: a signal during the start would end the process as it is.
  let gateway: Gateway | undefined
  let asked = false
  const told = new Promise<void>(resolve => {
    signals.onReload(() => gateway?.reload())
    signals.onStop(() => {
      if (asked) signals.exitNow(1)
      asked = true
      resolve()
    })
  })
  try {
    const options = { policy, snapshot: snapshot(file), env: terminal.env, version, stdout }
    const size = policy.workers === 'auto' ? availableParallelism() : policy.workers
    const team = { size, askedToStop: told, onExit: signals.onExit }
    gateway = await (size === 1
      ? putIntoService(options)
      : serveWithWorkers({ ...options, ...team }))
    await told
    await gateway.stop()
    return 0
  } catch (error) {
    terminal.err(`error: ${listenFault(error)}`)
    return 1
  }
}

function listenFault(error: unknown): string {
  const { code, address, port } = error as { code?: string; address?: string; port?: number }
  if (code === 'EADDRINUSE') {
    return `${address}:${port} is in use by another program: stop it, or change \`listen\` or \`admin\` in the policy`
  }
  if (code === 'EACCES') return `not allowed to listen on ${address}:${port}`
  if (code === 'EADDRNOTAVAIL') return `${address} is no address of this machine`
  if (code === undefined) throw error
  const { message } = error as Error
  if (code === WORKERS) return message
  return `cannot listen: ${message}`
}
