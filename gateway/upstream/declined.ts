import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { pipeline } from 'node:stream'
import { timerLimit } from '../timer.ts'
import { writeHead } from './relay.ts'

/**
 * Passes on the answer of an upstream that did not take an upgrade up: as HTTP, with back-pressure,
 * on a connection that has left Node's HTTP server and is closed behind it.
 *
 * @param maxPause milliseconds between two bytes, in either direction
 */
export function passOnDeclined(
  incoming: IncomingMessage,
  socket: Socket,
  answer: IncomingMessage,
  requestId: string,
  maxPause: number,
): void {
  // Node writes the head by it where nothing follows at once; values of headers are latin1.
  socket.setDefaultEncoding('latin1')
  const response = new ServerResponse(incoming)
  response.assignSocket(socket)
  response.shouldKeepAlive = false
  // Node's server forwards this for the connections that it knows.
  socket.on('drain', () => response.emit('drain'))
  socket.setTimeout(timerLimit(maxPause), () => socket.destroy())
  // So that a caller that leaves is noticed.
  socket.resume()
  const { statusCode = 0, statusMessage = '', rawHeaders } = answer
  const head = { status: statusCode, reason: statusMessage, headers: rawHeaders }
  writeHead(response, head, requestId)
  pipeline(answer, response, error => {
    if (error) socket.destroy()
    else socket.destroySoon()
  })
}
