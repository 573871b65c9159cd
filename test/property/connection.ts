import { connect, type Socket } from 'node:net'
import { type Answer, parseAnswers } from '../support/raw.ts'

export type KeptConnection = {
  /** Sends one request and waits for its answer, on the same connection as long as it is kept. */
  ask(bytes: Buffer): Promise<Answer>
  close(): void
}

/** Real callers keep their connections: what is left over from one request would show in the next. */
export function keepConnection(port: () => number): KeptConnection {
  let socket: Socket | undefined
  return {
    async ask(bytes) {
      if (socket === undefined || socket.destroyed || socket.readableEnded) {
        socket = connect(port(), '127.0.0.1')
      }
      const answer = await exchange(socket, bytes)
      if (answer.closed) socket.destroy()
      return answer
    },
    close: () => void socket?.destroy(),
  }
}

function exchange(socket: Socket, bytes: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = ''
    const late = setTimeout(() => finish(new Error(`no full answer to ${bytes}`)), 5000)
    const finish = (error?: Error, answer?: Answer) => {
      clearTimeout(late)
      socket.off('data', onData).off('close', onClose).off('error', onError)
      if (answer !== undefined) return resolve(answer)
      socket.destroy()
      reject(error)
    }
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const answer = finalOf(text, false)
      if (answer?.complete && !announcesClose(answer)) finish(undefined, answer)
    }
    const onClose = () =>
      finish(new Error(`closed without an answer to ${bytes}`), finalOf(text, true))
    const onError = () => {}
    socket.on('data', onData).on('close', onClose).on('error', onError)
    socket.write(bytes)
  })
}

function finalOf(text: string, closed: boolean): Answer | undefined {
  return parseAnswers(text, ['GET'], closed).find(answer => answer.status >= 200)
}

function announcesClose(answer: Answer): boolean {
  return answer.headers.some(([name, value]) => /^connection$/i.test(name) && /close/i.test(value))
}
