import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'

/** HTTP/2 frames made by hand (RFC 9113 §4), for what no well-behaved client would send. */

export const DATA = 0
export const HEADERS = 1
export const PRIORITY = 2
export const RST_STREAM = 3
export const SETTINGS = 4
export const PING = 6
export const GOAWAY = 7
export const WINDOW_UPDATE = 8
export const CONTINUATION = 9

export const END_STREAM = 1
export const ACK = 1
export const END_HEADERS = 4

export const NO_ERROR = 0
export const PROTOCOL_ERROR = 1
export const INTERNAL_ERROR = 2
export const CANCEL = 8

export type Field = readonly [name: string, value: string]

type Frame = {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export const code = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A header block (RFC 7541 §6.2.2): each field literal, without index and without Huffman. */
export const block = (fields: readonly Field[]): Buffer =>
  Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]))

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  const length = [Math.min(bytes.length, 127)]
  for (let rest = bytes.length - 127; rest >= 0; rest = Math.floor(rest / 128)) {
    length.push(rest >= 128 ? (rest % 128) + 128 : rest)
    if (rest < 128) break
  }
  return Buffer.concat([Buffer.from(length), bytes])
}

/** The pseudo headers of a plain GET, with changes. */
export const get = (path: string, more: readonly Field[] = []): readonly Field[] => [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'gateway.test'],
  [':path', path],
  ...more,
]

/** HEADERS, and CONTINUATION where the block does not fit into one frame. */
export function headers(stream: number, fields: readonly Field[], flags = END_STREAM): Buffer {
  const bytes = block(fields)
  const parts: Buffer[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += 16_384) {
    const last = at + 16_384 >= bytes.length ? END_HEADERS : 0
    const part = bytes.subarray(at, at + 16_384)
    const type = at === 0 ? HEADERS : CONTINUATION
    parts.push(frame(type, (at === 0 ? flags : 0) | last, stream, part))
  }
  return Buffer.concat(parts)
}

export const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(SETTINGS, 0, 0),
])

/** What became of one stream. */
export type StreamEnd = {
  readonly status: number | undefined
  readonly body: string
  readonly ended: boolean
  /** The code of its RST_STREAM. */
  readonly reset: number | undefined
}

export type RawSession = {
  readonly socket: TLSSocket
  readonly frames: readonly Frame[]
  readonly closed: boolean
  write(...bytes: Buffer[]): void
  /** As it stands. */
  streamEnd(stream: number): StreamEnd
  /** When the stream, or the whole session, has come to an end. */
  endOf(stream: number, timeout?: number): Promise<StreamEnd>
  /** The code of the GOAWAY that came. */
  readonly goaway: number | undefined
  until(holds: () => boolean, timeout?: number): Promise<boolean>
  destroy(): void
}

/** A TLS connection that speaks the frames it is told to; SETTINGS and PING are acknowledged by itself. */
export async function openRaw(
  port: number,
  first: Buffer = PREFACE,
  answersPings = true,
): Promise<RawSession> {
  const options = { ALPNProtocols: ['h2'], rejectUnauthorized: false, servername: 'localhost' }
  const socket = connect({ port, host: '127.0.0.1', ...options })
  const frames: Frame[] = []
  let unread = Buffer.alloc(0)
  let closed = false
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  socket.on('end', () => {
    closed = true
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('close', () => reject(new Error('no handshake')))
  })
  socket.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk])
    for (;;) {
      const length = unread.length < 9 ? Number.POSITIVE_INFINITY : unread.readUIntBE(0, 3)
      if (unread.length < 9 + length) return
      const [type = 0, flags = 0] = unread.subarray(3, 5)
      const payload = unread.subarray(9, 9 + length)
      frames.push({ type, flags, stream: unread.readUInt32BE(5), payload })
      unread = unread.subarray(9 + length)
      if (type === SETTINGS && flags !== ACK) session.write(frame(SETTINGS, ACK, 0))
      if (type === PING && flags !== ACK && answersPings)
        session.write(frame(PING, ACK, 0, payload))
    }
  })
  const session: RawSession = {
    socket,
    frames,
    get closed() {
      return closed
    },
    get goaway() {
      return frames.find(({ type }) => type === GOAWAY)?.payload.readUInt32BE(4)
    },
    write(...bytes) {
      if (!socket.destroyed && socket.writable) socket.write(Buffer.concat(bytes))
    },
    streamEnd: stream => streamEnd(frames, stream),
    async endOf(stream, timeout) {
      const isOver = () => {
        const { ended, reset } = streamEnd(frames, stream)
        return closed || ended || reset !== undefined
      }
      await session.until(isOver, timeout)
      return streamEnd(frames, stream)
    },
    async until(holds, timeout = 15_000) {
      for (const end = Date.now() + timeout; Date.now() < end; await sleep(5)) {
        if (holds()) return true
      }
      return holds()
    },
    destroy: () => void socket.destroy(),
  }
  session.write(first)
  return session
}

function streamEnd(frames: readonly Frame[], stream: number): StreamEnd {
  const own = frames.filter(one => one.stream === stream)
  const heads = own.filter(({ type }) => type === HEADERS)
  const reset = own.find(({ type }) => type === RST_STREAM)
  const body = own.filter(({ type }) => type === DATA).map(({ payload }) => payload)
  return {
    status: heads.map(({ payload }) => statusOf(payload)).findLast(status => status !== undefined),
    body: Buffer.concat(body).toString('latin1'),
    ended: own.some(({ type, flags }) => (type === HEADERS || type === DATA) && flags & END_STREAM),
    reset: reset?.payload.readUInt32BE(0),
  }
}

/** Fully indexed statuses (RFC 7541 appendix A). */
const INDEXED = [200, 204, 206, 304, 400, 404, 500]
const HUFFMAN = new Map([
  ['00000', '0'],
  ['00001', '1'],
  ['00010', '2'],
  ['011001', '3'],
  ['011010', '4'],
  ['011011', '5'],
  ['011100', '6'],
  ['011101', '7'],
  ['011110', '8'],
  ['011111', '9'],
])

/** `:status` comes first in a block; HPACK is read as far as that. */
function statusOf(payload: Buffer): number | undefined {
  // An update of the table's size may stand before it.
  const start = payload.findIndex(byte => byte >> 5 !== 1)
  const [first = 0, length = 0] = payload.subarray(start)
  if (first >= 0x88 && first <= 0x8e) return INDEXED[first - 0x88]
  const value = payload.subarray(start + 2, start + 2 + (length & 127))
  return Number(length & 128 ? digits(value) : value.toString())
}

function digits(value: Buffer): string {
  let bits = [...value].map(byte => byte.toString(2).padStart(8, '0')).join('')
  let read = ''
  for (;;) {
    const found = [...HUFFMAN].find(([prefix]) => bits.startsWith(prefix))
    if (!found) return read
    read += found[1]
    bits = bits.slice(found[0].length)
  }
}
