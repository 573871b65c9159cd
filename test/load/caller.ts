import { connect, type Socket } from 'node:net'
import { type Framing, framingOf, MalformedMessage, readMessages } from './read-messages.ts'

export type Answer = {
  readonly status: number
  readonly line: string
  /** Names and values in turn, latin1. */
  readonly headers: readonly string[]
  readonly body: Buffer
  readonly trailers: string
  /** Statuses of the interim answers before it (1xx). */
  readonly interim: readonly number[]
  /** All of it came; false where the connection broke off in the middle. */
  readonly complete: boolean
}

/** The connection ended, and of the answer not even the head had come. */
export type Silence = { readonly silence: string }

export type Caller = {
  readonly socket: Socket
  write(bytes: string | Buffer): void
  /** The answer to the next request; to be asked for in the order of the requests. */
  answer(method: string): Promise<Answer | Silence>
  /** What came behind a 101, from now on. */
  onTunnel(take: (chunk: Buffer) => void): void
  /** Takes the pieces of bodies, which then are not kept. */
  onBody(take: (chunk: Buffer) => void): void
  /** No answer is awaited or under way, and the connection is open. */
  isIdle(): boolean
  readonly ended: Promise<void>
  /** Bytes that belong to no request came, or no HTTP. */
  readonly fault: () => string | undefined
}

type Waiting = { readonly method: string; readonly settle: (answer: Answer | Silence) => void }
type Open = { line: string; status: number; headers: readonly string[]; closes: boolean }

/**
 * A connection to the gateway; one that is given up, refused or reset answers with `Silence`.
 *
 * @param patience milliseconds without a byte in any direction after which an answer is given up
 */
export function openCaller(port: number, patience = 30_000): Caller {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const queue: Waiting[] = []
  let open: Open | undefined
  let body: Buffer[] = []
  let interim: number[] = []
  let fault: string | undefined
  let why = 'closed'
  let takeTunnel = (_: Buffer): void => {}
  let takeBody = (chunk: Buffer): void => void body.push(chunk)

  const settle = (complete: boolean, trailers = ''): void => {
    const waiting = queue.shift()
    const { line = '', status = 0, headers = [] } = open ?? {}
    const answer = { status, line, headers, trailers, interim, complete, body: Buffer.concat(body) }
    open = undefined
    body = []
    interim = []
    waiting?.settle(answer)
  }

  const reader = readMessages({
    head(line, headers) {
      const [, digits] = /^HTTP\/1\.1 (\d{3}) [\t -~\x80-\xff]*$/.exec(line) ?? []
      if (digits === undefined) throw new MalformedMessage(`a status line ${JSON.stringify(line)}`)
      const [waiting] = queue
      if (waiting === undefined) throw new MalformedMessage(`an answer to no request: ${line}`)
      const status = Number(digits)
      if (status === 101) {
        open = { line, status, headers, closes: false }
        settle(true)
        return 'tunnel'
      }
      const framing = answerFraming(waiting.method, status, headers)
      open = { line, status, headers, closes: framing === 'close' }
      return framing
    },
    data(chunk) {
      if (open === undefined) takeTunnel(chunk)
      else takeBody(chunk)
    },
    end(trailers) {
      if (open !== undefined && open.status < 200) {
        interim.push(open.status)
        open = undefined
      } else settle(true, trailers)
    },
  })

  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      fault ??= error.message
      socket.destroy()
    }
  })
  socket.setTimeout(patience, () => {
    if (queue.length === 0) return
    why = 'no answer in time'
    socket.destroy()
  })
  socket.on('error', error => {
    why = error.message
  })
  const ended = new Promise<void>(resolve => {
    socket.once('close', hadError => {
      if (open !== undefined) settle(open.closes && !hadError)
      for (const waiting of queue.splice(0)) waiting.settle({ silence: fault ?? why })
      resolve()
    })
  })

  return {
    socket,
    ended,
    write: bytes =>
      void (typeof bytes === 'string' ? socket.write(bytes, 'latin1') : socket.write(bytes)),
    answer: method =>
      new Promise(settled => {
        if (socket.destroyed) settled({ silence: fault ?? why })
        else queue.push({ method, settle: settled })
      }),
    onTunnel(take) {
      takeTunnel = take
    },
    onBody(take) {
      takeBody = take
    },
    isIdle: () => queue.length === 0 && reader.isBetween() && socket.readyState === 'open',
    fault: () => fault,
  }
}

function answerFraming(method: string, status: number, headers: readonly string[]): Framing {
  const framing = framingOf(headers, 'close')
  if (status < 200 || status === 204 || status === 304 || method === 'HEAD') return 0
  return framing
}

export const isAnswer = (came: Answer | Silence): came is Answer => 'status' in came
