import cluster from 'node:cluster'
import type { Readable } from 'node:stream'
import { createHandover } from './handover.ts'
import { type FromWorker, parseFromWorker, parseToWorker, type ToWorker } from './messages.ts'

/** How processes are begun and talk to each other; the only file that knows node:cluster. */

/** Tells the workers of this program from processes that another one runs in a cluster of its own. */
const MARK = 'FEIDE_GATEWAY_WORKER'

/** The code of errors that have to do with workers, and not with an address. */
export const WORKERS = 'ERR_WORKERS'

/** How a process has ended. */
export interface End {
  readonly code: number | null
  readonly signal: string | null
}

export interface WorkerEvents {
  readonly onMessage: (message: FromWorker) => void
  readonly onExit: (end: End) => void
  /** It is gone, and all that it has written has been read. */
  readonly onClose: () => void
}

/** A worker, as the primary process sees it. */
export interface WorkerProcess {
  readonly pid: number
  readonly stdout: Readable | undefined
  readonly send: (message: ToWorker) => void
  /** At once (SIGKILL). */
  readonly kill: () => void
}

/**
 * Begins worker processes, which run the same command as this one.
 *
 * @param beforeListening called before a worker is given the address that it wants to listen on
 */
export function workerStarter(
  beforeListening: () => void,
): (events: WorkerEvents) => WorkerProcess {
  if (!cluster.isPrimary) {
    const message =
      '`workers` above 1 cannot be had in a process that is itself a worker of a cluster'
    throw Object.assign(new Error(message), { code: WORKERS })
  }
  cluster.setupPrimary({ stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const handover = createHandover(beforeListening)

  return ({ onMessage, onExit, onClose }) => {
    const worker = cluster.fork({ [MARK]: 'yes' })
    const { process: child } = worker
    handover.watch(child)
    worker.on('message', (message: unknown) => {
      const understood = parseFromWorker(message)
      if (understood) onMessage(understood)
    })
    child.once('exit', (code: number | null, signal: string | null) => onExit({ code, signal }))
    child.once('close', onClose)
    // Where it could not even be begun, there is no other word of it.
    worker.on('error', () => {
      if (child.pid !== undefined) return
      onExit({ code: null, signal: null })
      onClose()
    })
    return {
      pid: child.pid ?? 0,
      stdout: child.stdout ?? undefined,
      send: message => {
        if (worker.isConnected()) worker.send(message, () => {})
      },
      kill: () => void child.kill('SIGKILL'),
    }
  }
}

/** The primary process, as a worker sees it. */
export interface Primary {
  /** The worker's own. */
  readonly pid: number
  /** Resolves when it is on its way. */
  readonly send: (message: FromWorker) => Promise<void>
  readonly onMessage: (hear: (message: ToWorker) => void) => void
}

/**
 * The primary process that began this one as a worker; `undefined` where nobody did. When the primary is
 * gone, however it went, node:cluster ends this process at once.
 */
export function primaryOf(env: Readonly<Record<string, string | undefined>>): Primary | undefined {
  const { worker } = cluster
  if (!worker || env[MARK] === undefined) return undefined
  const { process: self } = worker
  return {
    pid: self.pid ?? 0,
    send: message => new Promise(resolve => void worker.send(message, () => resolve())),
    onMessage: hear => {
      worker.on('message', (message: unknown) => {
        const understood = parseToWorker(message)
        if (understood) hear(understood)
      })
    },
  }
}
