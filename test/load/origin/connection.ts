import { createHash, type Hash } from 'node:crypto'
import type { Socket } from 'node:net'
import { crc32 } from 'node:zlib'
import {
  type Framing,
  framingOf,
  MalformedMessage,
  readMessages,
  valuesIn,
} from '../read-messages.ts'
import { writeBulk } from './bulk.ts'
import { bodiless, REPLIES } from './replies.ts'
import {
  ECHO_HEADER,
  encodeEcho,
  FATES,
  type Fate,
  numberOf,
  type Seen,
  sizeOf,
  wishOf,
} from './words.ts'

/** What the connections of one origin tell it. */
export type Origin = {
  /** A request has come; how often one with its number has, this one included. */
  arrived(number: string): number
  answered(number: string): void
  witness(seen: Seen): void
  fault(fault: string, bytes: string): void
  bulk(bytes: number, sha256: string): void
}

type Open = {
  method: string
  target: string
  headers: readonly string[]
  bytes: number
  crc: number
  hash?: Hash
}

const REQUEST_LINE = /^([A-Z-]+) (\/[!-~]*) HTTP\/1\.1$/

/** Reads requests as strictly as they were promised, and answers each as its query wishes. */
export function acceptConnection(origin: Origin, socket: Socket): void {
  let open: Open | undefined
  let answering = false
  let tunnel = false
  const refuse = (fault: string, bytes: string): void => {
    origin.fault(fault, bytes)
    socket.destroy()
  }

  const reader = readMessages({
    head(line, headers) {
      const [, method = '', target = ''] = REQUEST_LINE.exec(line) ?? []
      if (method === '') throw new MalformedMessage(`a request line ${JSON.stringify(line)}`)
      if (answering) throw new MalformedMessage('a request before the answer to the last one')
      open = { method, target, headers, bytes: 0, crc: 0 }
      if (wishOf(target) === 'sha256') open.hash = createHash('sha256')
      const fault = admit(origin, seenOf(open))
      if (fault !== undefined) throw new MalformedMessage(fault)
      tunnel = wishOf(target) === 'websocket' && valuesIn(headers, 'upgrade').length > 0
      const framing: Framing = framingOf(headers, 0)
      if (tunnel) beginTunnel(socket, seenOf(open))
      return tunnel ? 'tunnel' : framing
    },
    data(chunk) {
      if (tunnel) return void socket.write(chunk)
      if (open === undefined) return
      open.bytes += chunk.length
      if (open.hash !== undefined) open.hash.update(chunk)
      else open.crc = crc32(chunk, open.crc)
    },
    end(trailers) {
      if (open === undefined) return
      if (trailers !== '') throw new MalformedMessage(`trailers ${JSON.stringify(trailers)}`)
      const request = open
      open = undefined
      answering = true
      void answer(origin, socket, request).then(() => {
        answering = false
      })
    },
  })
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      refuse(error.message, chunk.toString('latin1'))
    }
  })
}

const seenOf = ({ method, target, headers, bytes, crc }: Open): Seen => ({
  method,
  target,
  headers,
  bytes,
  crc,
})

/** Why a request should not have come. */
function admit(origin: Origin, seen: Seen): string | undefined {
  const number = numberOf(seen.target)
  const times = origin.arrived(number)
  const fate = Object.hasOwn(FATES, number.charAt(0)) ? FATES[number.charAt(0) as Fate] : undefined
  if (fate === undefined) return `a request without a number: ${seen.method} ${seen.target}`
  if (times > fate.atMost) return `${seen.method} ${seen.target} arrived ${times} times`
  if (fate.witnessed) origin.witness(seen)
  return undefined
}

async function answer(origin: Origin, socket: Socket, request: Open): Promise<void> {
  const { method, target, hash, bytes } = request
  const wish = wishOf(target)
  if (wish === 'bulk') {
    const size = sizeOf(target)
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    origin.bulk(size, await writeBulk(socket, size))
  } else if (wish === 'events') {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: hello\n\n')
  } else if (hash !== undefined) {
    const sha256 = hash.digest('hex')
    origin.bulk(bytes, sha256)
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${sha256.length}\r\n\r\n${sha256}`)
  } else {
    const reply = REPLIES[wish]
    if (reply === undefined) return origin.fault(`no such wish: ${wish}`, target)
    if (method === 'HEAD') bodiless(socket, '200 OK', seenOf(request))
    else await reply(socket, seenOf(request))
  }
  origin.answered(numberOf(target))
}

function beginTunnel(socket: Socket, seen: Seen): void {
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\n${ECHO_HEADER}: ${encodeEcho(seen)}`
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`)
}
