import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Counts, Order, Report, Seen } from './origin/words.ts'

const MAIN = fileURLToPath(new URL('./origin/main.ts', import.meta.url))

export type Origin = {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** What arrived though it should not have. */
  readonly faults: readonly Fault[]
  /** Requests whose callers get no echo. */
  onWitness: (seen: readonly Seen[]) => void
  onFault: (fault: Fault) => void
  /** Hashes of the large bodies that went through. */
  readonly bulks: readonly { readonly bytes: number; readonly sha256: string }[]
  /** Numbers of the requests that came and were not answered; only with a journal. */
  unanswered(): ReadonlySet<string>
  /** Numbers of the requests that came; only with a journal. */
  arrived(): ReadonlySet<string>
  counts(): Promise<Counts>
  /** Stops reading from every connection, or goes on. */
  order(order: Order): void
  /** SIGKILL; resolves when the process has gone. */
  kill(): Promise<void>
}

export type Fault = { readonly fault: string; readonly bytes: string }

export type OriginOptions = {
  readonly port?: number
  /** A file that survives the process and says what it had got. */
  readonly journal?: string
}

/** An upstream in a process of its own, that answers what it saw. */
export async function startOrigin({ port = 0, journal }: OriginOptions = {}): Promise<Origin> {
  const args = [String(port), ...(journal === undefined ? [] : [journal])]
  const child = fork(MAIN, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] })
  const faults: Fault[] = []
  const bulks: { bytes: number; sha256: string }[] = []
  const waiting: ((counts: Counts) => void)[] = []
  const origin: Origin = {
    port: await listening(child),
    get url() {
      return `http://127.0.0.1:${origin.port}`
    },
    pid: child.pid ?? 0,
    faults,
    onWitness: () => {},
    onFault: () => {},
    bulks,
    unanswered: () => difference(readJournal(journal)),
    arrived: () => readJournal(journal).arrived,
    counts: () =>
      new Promise(resolve => {
        waiting.push(resolve)
        child.send('count' satisfies Order)
      }),
    order: order => void child.send(order),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
  child.on('message', (said: Report) => {
    if (said.kind === 'witness') origin.onWitness(said.seen)
    else if (said.kind === 'counts') waiting.shift()?.(said.counts)
    else if (said.kind === 'bulk') bulks.push(said)
    else if (said.kind === 'fault') {
      faults.push(said)
      origin.onFault(said)
    }
  })
  return origin
}

/** The port, once it listens. */
function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('exit', code => reject(new Error(`the origin ended with ${code}`)))
    child.on('message', (said: Report) => {
      if (said.kind === 'listening') resolve(said.port)
    })
  })
}

type Journal = { readonly arrived: ReadonlySet<string>; readonly answered: ReadonlySet<string> }

function readJournal(file: string | undefined): Journal {
  if (file === undefined) throw new Error('this origin keeps no journal')
  const lines = readFileSync(file, 'latin1').split('\n')
  const having = (sign: string) =>
    new Set(lines.filter(line => line.startsWith(sign)).map(line => line.slice(1)))
  return { arrived: having('+'), answered: having('-') }
}

const difference = ({ arrived, answered }: Journal): ReadonlySet<string> =>
  new Set([...arrived].filter(number => !answered.has(number)))
