import type { AddressInfo, Server } from 'node:net'
import type { Address } from '../policy/scalars.ts'
import { timerLimit } from '../timer.ts'
import type { EdgeServer } from './server.ts'

/** Resolves when the server listens; rejects where it cannot. */
export function listen(server: Server, { host, port }: Address): Promise<AddressInfo> {
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
 * @param limit milliseconds
 */
export async function drain({ server, closeIdle, closeAll }: EdgeServer, limit: number) {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  const idle = setInterval(closeIdle, INTERVAL)
  const deadline = setTimeout(closeAll, timerLimit(limit))
  await closed
  clearInterval(idle)
  clearTimeout(deadline)
}
