import type { Server } from 'node:http'
import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import type { Address } from '../policy/scalars.ts'
import { timerLimit } from '../timer.ts'

/** Resolves when the server listens; rejects where it cannot. */
export function listen(server: NetServer, { host, port }: Address): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve(server.address() as AddressInfo)
    })
  })
}

/** Milliseconds between two looks for connections that have become idle. */
const INTERVAL = 50

/**
 * Stops accepting, and resolves when what is in flight has finished, or been cut at the limit.
 *
 * @param upgraded connections that have left HTTP
 * @param limit milliseconds
 */
export async function drain(
  server: Server,
  upgraded: ReadonlySet<Socket>,
  limit: number,
): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  const idle = setInterval(() => server.closeIdleConnections(), INTERVAL)
  const deadline = setTimeout(() => {
    server.closeAllConnections()
    for (const socket of upgraded) socket.destroy()
  }, timerLimit(limit))
  await closed
  clearInterval(idle)
  clearTimeout(deadline)
}
