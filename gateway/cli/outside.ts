import type { Readable, Writable } from 'node:stream'
import type { Signals } from '../commands/serve.ts'
import type { ExitStatus, Terminal } from '../commands/terminal.ts'

/** What the command line has of the process. */
export interface Outside {
  readonly terminal: Terminal
  readonly version: string
  /** The folder that the process runs in. */
  readonly folder: () => string
  readonly stdin: () => Readable
  readonly stdout: Writable
  readonly signals: Signals
  /** Obeys no signal from now on. */
  readonly ignoreSignals: () => void
  /** What asks for a client's secret, where there is a terminal to ask on. */
  readonly secretAsker: () => (() => Promise<string>) | undefined
  /** Ends the process at once, whatever still runs. */
  readonly exit: (status: ExitStatus) => never
}
