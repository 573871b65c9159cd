import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expectNothingPrivate } from './private.ts'
import { type HeaderList, headerValues, readBody, splitHead } from './wire.ts'

export type { HeaderList } from './wire.ts'

export type Answer = {
  readonly version: string
  readonly status: number
  readonly reason: string
  readonly headers: HeaderList
  /** Decoded: without chunk framing; latin1. */
  readonly body: string
  readonly trailers: string
  /** Head and body as they came, latin1. */
  readonly raw: string
  /** All of it came; false where the peer closed in the middle. */
  readonly complete: boolean
  /** The peer closed the connection after this answer. */
  readonly closed: boolean
}

export type Bytes = string | Buffer

export type SendOptions = {
  /** Milliseconds for everything; default 5000. */
  readonly timeout?: number
  /** Final answers to wait for; default 1. More are returned when they come. */
  readonly answers?: number
  /** Milliseconds to wait for more after the last one; default 20. */
  readonly settle?: number
  /** Milliseconds between pieces; default 20. */
  readonly pause?: number
  /** Half-close after the last piece. */
  readonly end?: boolean
}

export type RequestParts = {
  readonly method?: string
  readonly target?: string
  readonly version?: string
  /** In the given order. A `Host` is put first where there is none; `host: false` prevents it. */
  readonly headers?: HeaderList | Record<string, string>
  readonly host?: string | false
  /** Short for `Authorization: Bearer …`, put last. */
  readonly token?: string | undefined
  /** As it is: neither Content-Length nor chunk framing is added. */
  readonly body?: Bytes
}

/** The bytes of one request, exactly as said. */
export function request(parts: RequestParts = {}): Buffer {
  const { method = 'GET', target = '/', version = 'HTTP/1.1', host = 'gateway.test' } = parts
  const given = parts.headers ?? []
  const headers: [string, string][] = Array.isArray(given) ? [...given] : Object.entries(given)
  const hasHost = headers.some(([name]) => name.toLowerCase() === 'host')
  if (host !== false && !hasHost) headers.unshift(['Host', host])
  if (parts.token !== undefined) headers.push(['Authorization', `Bearer ${parts.token}`])
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const head = `${method} ${target} ${version}\r\n${lines}\r\n`
  return Buffer.concat([toBuffer(head), toBuffer(parts.body ?? '')])
}

/** A body in chunks, the last one included. */
export function chunked(...pieces: Bytes[]): Buffer {
  const framed = pieces.map(piece => {
    const bytes = toBuffer(piece)
    return Buffer.concat([toBuffer(`${bytes.length.toString(16)}\r\n`), bytes, toBuffer('\r\n')])
  })
  return Buffer.concat([...framed, toBuffer('0\r\n\r\n')])
}

/** All values of one header, whatever its case. */
export function valuesOf(message: { readonly headers: HeaderList }, name: string): string[] {
  return headerValues(message.headers, name)
}

/** Writes bytes over a TCP socket and reads all answers; empty when the peer just closed. */
export async function send(
  port: number,
  bytes: Bytes | Bytes[],
  options: SendOptions = {},
): Promise<Answer[]> {
  const { timeout = 5000, settle = 20, pause = 20, answers: expected = 1 } = options
  const pieces = Array.isArray(bytes) ? bytes : [bytes]
  const methods = methodsIn(pieces)
  const socket = connect(port, '127.0.0.1')
  const received = { text: '', closed: false, at: Date.now() }
  socket.setNoDelay(true)
  socket.on('data', chunk => {
    received.text += chunk.toString('latin1')
    received.at = Date.now()
  })
  socket.on('error', () => {
    received.closed = true
  })
  socket.on('close', () => {
    received.closed = true
  })
  socket.on('end', () => {
    received.closed = true
  })
  const writing = writeAll(socket, pieces, pause, options.end === true)
  const deadline = Date.now() + timeout
  let answers: Answer[] = []
  let parsed = 0
  try {
    for (;;) {
      if (received.closed) return searched(parseAnswers(received.text, methods, true))
      if (received.text.length > parsed) {
        parsed = received.text.length
        answers = parseAnswers(received.text, methods, false)
      }
      if (isDone(answers, expected) && Date.now() - received.at >= settle) {
        return searched(answers)
      }
      if (Date.now() > deadline) {
        throw new Error(`no full answer within ${timeout} ms, only ${quote(received.text)}`)
      }
      await sleep(2)
    }
  } finally {
    socket.destroy()
    await writing
  }
}

/** Like `send`, for the usual case of one answer. */
export async function sendOne(
  port: number,
  bytes: Bytes | Bytes[],
  options: SendOptions = {},
): Promise<Answer> {
  const answers = (await send(port, bytes, options)).filter(answer => answer.status >= 200)
  const [answer] = answers
  if (answer === undefined || answers.length > 1) {
    throw new Error(`expected one answer, got ${answers.length}: ${quote(JSON.stringify(answers))}`)
  }
  return answer
}

/** Parses a stream of answers; the methods tell which have no body. */
export function parseAnswers(text: string, methods: string[], closed: boolean): Answer[] {
  const answers: Answer[] = []
  let rest = text
  let finals = 0
  while (rest !== '') {
    const head = splitHead(rest)
    if (head === undefined) break
    const [version = '', status = '', ...reason] = head.line.split(' ')
    const code = Number(status)
    const bodiless = code < 200 || code === 204 || code === 304 || methods[finals] === 'HEAD'
    const body = readBody(head, rest.slice(head.length), bodiless, closed)
    const length = head.length + body.length
    answers.push({
      version,
      status: code,
      reason: reason.join(' '),
      headers: head.headers,
      body: body.text,
      trailers: body.trailers,
      raw: rest.slice(0, length),
      complete: body.complete,
      closed: closed && length >= rest.length,
    })
    rest = rest.slice(length)
    if (code >= 200) finals += 1
    if (code === 101 || !body.complete) break
  }
  return answers
}

/** What the gateway itself says is searched for what it may never show. */
function searched(answers: Answer[]): Answer[] {
  for (const answer of answers) {
    const [type = ''] = valuesOf(answer, 'content-type')
    if (!type.startsWith('application/problem+json')) continue
    expectNothingPrivate(`the answer ${answer.status}`, answer.raw)
  }
  return answers
}

/** An answer that announces a close is not done before the close has come. */
function isDone(answers: Answer[], expected: number): boolean {
  const last = answers.at(-1)
  if (last === undefined || !last.complete) return false
  if (last.status === 101) return true
  if (last.status < 200) return false
  const closing = valuesOf(last, 'connection').some(value => /close/i.test(value))
  return !closing && answers.filter(answer => answer.status >= 200).length >= expected
}

async function writeAll(
  socket: ReturnType<typeof connect>,
  pieces: Bytes[],
  pause: number,
  end: boolean,
): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await sleep(pause)
    if (socket.destroyed) return
    socket.write(toBuffer(piece))
  }
  if (end) socket.end()
}

function methodsIn(pieces: Bytes[]): string[] {
  const text = Buffer.concat(pieces.map(toBuffer)).toString('latin1')
  const lines = text.match(/^[A-Za-z]+ [^\n]* HTTP\/1\.[01]\r?$/gm) ?? []
  return lines.map(line => line.split(' ')[0] ?? '')
}

function toBuffer(bytes: Bytes): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'latin1')
}

function quote(text: string): string {
  return text === '' ? 'nothing' : JSON.stringify(text.slice(0, 2000))
}
