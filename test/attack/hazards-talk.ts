import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, parseAnswers } from '../support/raw.ts'

/** What is sent once so many final answers have come. */
export type Step = { readonly after: number; readonly pieces: readonly Buffer[] }

export type Talk = {
  readonly steps: readonly Step[]
  /** The methods of the requests, in order: an answer to HEAD has no body. */
  readonly methods: readonly string[]
  /** Final answers to wait for. */
  readonly answers: number
  /** Whether to wait for the peer to close, too. */
  readonly closes: boolean
}

export type Heard = {
  readonly answers: readonly Answer[]
  readonly closed: boolean
  /** Every byte, latin1. */
  readonly text: string
}

/** Milliseconds after which what has come is returned as it is. */
const PATIENCE = 6000

/**
 * Talks over one raw connection: every piece is a write of its own, in its own turn of the event loop.
 *
 * @param meanwhile runs when everything awaited has come, with the connection still open; what comes
 *   until it is done is heard, too
 */
export async function talk(
  port: number,
  { steps, methods, answers: wanted, closes }: Talk,
  meanwhile: () => Promise<void> = async () => {},
): Promise<Heard> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  let text = ''
  let closed = false
  let wake = () => {}
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    wake()
  })
  for (const event of ['error', 'end', 'close']) {
    socket.on(event, () => {
      closed = true
      wake()
    })
  }
  const heard = () => parseAnswers(text, [...methods], closed)
  const deadline = Date.now() + PATIENCE
  const awaits = async (holds: () => boolean) => {
    while (!holds() && Date.now() < deadline) {
      await new Promise<void>(resolve => {
        const late = setTimeout(resolve, deadline - Date.now())
        wake = () => {
          clearTimeout(late)
          resolve()
        }
      })
    }
  }
  for (const { after, pieces } of steps) {
    await awaits(() => closed || finalsOf(heard()) >= after)
    for (const piece of pieces) {
      if (socket.destroyed) break
      socket.write(piece)
      if (pieces.length > 1) await new Promise(setImmediate)
    }
  }
  await awaits(() => closed || (!closes && finalsOf(heard()) >= wanted))
  await meanwhile()
  socket.destroy()
  return { answers: heard(), closed, text }
}

/** Within two seconds. */
export async function until(holds: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < 2000 && !holds(); waited += 5) await sleep(5)
  return holds()
}

const isFinal = ({ status, complete }: Answer) => complete && (status >= 200 || status === 101)
const finalsOf = (answers: readonly Answer[]) => answers.filter(isFinal).length

/** At most this many pieces of one message, or the tests would take minutes. */
const MAX_CRUMBS = 2000

/** Every byte for itself; long words of a token stay whole, and long messages are cut less finely. */
export function crumbs(bytes: Buffer): Buffer[] {
  const pieces = bytes.toString('latin1').match(/[A-Za-z0-9_-]{40,}|[\s\S]/g) ?? []
  const size = Math.ceil(pieces.length / MAX_CRUMBS)
  const joined = pieces.map((_, at) =>
    at % size === 0 ? pieces.slice(at, at + size).join('') : '',
  )
  return joined.filter(piece => piece !== '').map(piece => Buffer.from(piece, 'latin1'))
}
