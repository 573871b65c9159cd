import type { Socket } from 'node:net'

/** Connections of callers, and the bytes that went over them: TLS and headers included. */
export interface Traffic {
  readonly connections: number
  /** Since they were last taken. */
  readonly received: number
  readonly sent: number
}

/** Counts what sockets count themselves: nothing is done while a request is served. */
export function countTraffic(open: ReadonlySet<Socket>) {
  const closed = { received: 0, sent: 0 }
  const taken = { received: 0, sent: 0 }

  /** To be called once for each socket that has closed. */
  const close = ({ bytesRead, bytesWritten }: Socket) => {
    closed.received += bytesRead
    closed.sent += bytesWritten
  }
  const take = (): Traffic => {
    const all = { ...closed }
    for (const { bytesRead, bytesWritten } of open) {
      all.received += bytesRead
      all.sent += bytesWritten
    }
    const received = Math.max(0, all.received - taken.received)
    const sent = Math.max(0, all.sent - taken.sent)
    taken.received += received
    taken.sent += sent
    return { connections: open.size, received, sent }
  }
  return { close, take }
}
