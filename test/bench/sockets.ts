import { connect, type Socket } from 'node:net'

/** Connections that are opened at a time: more would overrun a listener's queue. */
const AT_ONCE = 200

/** Milliseconds. */
const PATIENCE = 10_000

/**
 * Opens connections, sends each a request, and leaves them open once its answer has begun.
 *
 * @param status what every answer is to have
 */
export async function holdConnections(
  port: number,
  count: number,
  request: Buffer,
  status: number,
): Promise<Socket[]> {
  const open: Socket[] = []
  while (open.length < count) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - open.length) }, () =>
      holdOne(port, request, status),
    )
    const settled = await Promise.allSettled(batch)
    open.push(...settled.flatMap(one => (one.status === 'fulfilled' ? [one.value] : [])))
    const failed = settled.find(one => one.status === 'rejected')
    if (failed) {
      closeAll(open)
      throw new Error(`connection ${open.length + 1} of ${count}: ${failed.reason}`)
    }
  }
  return open
}

function holdOne(port: number, request: Buffer, status: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), PATIENCE)
    socket.on('error', reject)
    socket.once('data', chunk => {
      clearTimeout(timer)
      const got = chunk.toString('latin1').slice('HTTP/1.1 '.length, 'HTTP/1.1 000'.length)
      if (got === String(status)) resolve(socket)
      else socket.destroy(new Error(`answered with ${got} instead of ${status}`))
    })
  })
}

export function closeAll(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy()
}
