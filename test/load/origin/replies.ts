import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ECHO_HEADER, encodeEcho, type Seen } from './words.ts'

/** How an origin answers, as a caller wishes (`a` in the query); most say what the origin saw. */

type Reply = (socket: Socket, seen: Seen) => void | Promise<void>

const OWN = 'X-Origin: echo\r\nSet-Cookie: a=1\r\nset-cookie: b=2; HttpOnly\r\n'
const JSON_TYPE = 'Content-Type: application/json\r\n'

const head = (status: string, fields: string): string => `HTTP/1.1 ${status}\r\n${OWN}${fields}\r\n`
const bodyOf = (seen: Seen): Buffer => Buffer.from(JSON.stringify(seen))
const chunk = (piece: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
const thirds = (body: Buffer): Buffer[] => {
  const size = Math.ceil(body.length / 3)
  return [0, 1, 2].map(i => body.subarray(i * size, (i + 1) * size))
}

/** A whole answer with a length. */
function whole(socket: Socket, status: string, fields: string, body: Buffer): void {
  const text = head(status, `${JSON_TYPE}${fields}Content-Length: ${body.length}\r\n`)
  socket.write(Buffer.concat([Buffer.from(text, 'latin1'), body]))
}

/** An answer to HEAD, or of a status that has no body. */
export function bodiless(socket: Socket, status: string, seen: Seen, fields = ''): void {
  socket.write(head(status, `${fields}${ECHO_HEADER}: ${encodeEcho(seen)}\r\n`))
}

const withStatus =
  (status: string): Reply =>
  (socket, seen) =>
    whole(socket, status, '', bodyOf(seen))
const withoutBody =
  (status: string): Reply =>
  (socket, seen) =>
    bodiless(socket, status, seen)
const broken =
  (bytes: string): Reply =>
  socket =>
    void socket.end(bytes, 'latin1')

export const REPLIES: Readonly<Record<string, Reply>> = {
  plain: withStatus('200 OK'),
  /** To one that came as a plain GET. */
  websocket: withStatus('200 OK'),
  created: withStatus('201 Created'),
  missing: withStatus('404 Not Found'),
  failed: withStatus('500 Internal Server Error'),
  unusual: withStatus('299 As \xe6\xf8\xe5 said'),
  empty: withoutBody('204 No Content'),
  unchanged: withoutBody('304 Not Modified'),
  chunked(socket, seen) {
    socket.write(head('200 OK', `${JSON_TYPE}Transfer-Encoding: chunked\r\n`))
    for (const piece of thirds(bodyOf(seen))) socket.write(chunk(piece))
    socket.write('0\r\n\r\n')
  },
  close(socket, seen) {
    socket.write(head('200 OK', `${JSON_TYPE}Connection: close\r\n`))
    socket.end(bodyOf(seen))
  },
  async later(socket, seen) {
    await sleep(5 + (seen.target.length % 20))
    whole(socket, '200 OK', '', bodyOf(seen))
  },
  async slow(socket, seen) {
    const body = bodyOf(seen)
    socket.write(head('200 OK', `${JSON_TYPE}Content-Length: ${body.length}\r\n`))
    for (const piece of thirds(body)) {
      await sleep(4)
      socket.write(piece)
    }
  },
  hints(socket, seen) {
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n')
    whole(socket, '200 OK', '', bodyOf(seen))
  },
  /** JSON may end in white space. */
  big(socket, seen) {
    whole(socket, '200 OK', '', Buffer.concat([bodyOf(seen), Buffer.alloc(150_000, ' ')]))
  },
  /** Headers for one hop, and ones that only the gateway may say. */
  hop(socket, seen) {
    const fields =
      'Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\nX-Request-Id: mine\r\n'
    whole(socket, '200 OK', fields, bodyOf(seen))
  },
  // From here on nothing of what the origin saw comes back.
  reset: socket => void socket.resetAndDestroy(),
  half: broken('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf'),
  halfChunked: broken('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nhalf'),
  garbage: broken('this is no HTTP\r\n\r\n'),
  status099: broken('HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n'),
  unasked101: broken(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
  ),
  /** Never: the gateway must let go of this connection when its caller has gone. */
  hold: () => {},
}
