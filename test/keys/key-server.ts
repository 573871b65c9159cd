import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Answering = (response: ServerResponse, request: IncomingMessage) => void

export type KeyServer = {
  readonly url: string
  /** Paths that were asked for, in order. */
  readonly asked: string[]
  answer: Answering
  close(): Promise<void>
}

/** Serves a key set in whatever way a test likes, for `issuer.jwksUri`. */
export async function startKeyServer(answer: Answering): Promise<KeyServer> {
  const server = createServer((request, response) => {
    keyServer.asked.push(request.url ?? '')
    response.on('error', () => {})
    keyServer.answer(response, request)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const keyServer: KeyServer = {
    url: `http://127.0.0.1:${port}/keys`,
    asked: [],
    answer,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return keyServer
}

/** Answers with a JSON document, as it should be. */
export const serving =
  (document: () => unknown): Answering =>
  response => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document()))
  }

/** Answers with a text, and counts the bytes that went out. */
export const text =
  (body: string, type = 'application/json', status = 200): Answering =>
  response =>
    void response.writeHead(status, { 'content-type': type }).end(body)

/** Begins well, then sends one byte a second for ever. */
export const oneByteASecond: Answering = response => {
  response.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":[')
  const timer = setInterval(() => response.write(' '), 1000)
  response.on('close', () => clearInterval(timer))
}

/** 300 MB, as fast as they are taken. */
export function huge(sent: (bytes: number) => void, size = 300_000_000): Answering {
  return response => {
    const chunk = Buffer.alloc(65_536, ' ')
    let left = size
    response.writeHead(200, { 'content-type': 'application/json' })
    const more = () => {
      while (left > 0 && !response.destroyed) {
        left -= chunk.length
        sent(chunk.length)
        if (!response.write(chunk)) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  }
}

/** Sends the asker elsewhere. */
export const redirect =
  (location: string, status = 302): Answering =>
  response =>
    void response.writeHead(status, { location }).end()
