import { createServer } from 'node:net'
import { listen } from '../edge/drain.ts'
import type { Address } from '../policy/scalars.ts'

/** An address that workers will listen on. */
export interface Reserved {
  readonly address: string
  /** Never 0. */
  readonly port: number
  /** Makes room for the workers. */
  readonly release: () => void
}

/**
 * Finds out, before any worker is begun, whether an address can be listened on, and which port 0 stands
 * for: workers that begin after all others have died must come to the same one. Rejects where it cannot.
 */
export async function reserve(wanted: Address): Promise<Reserved> {
  const server = createServer(socket => socket.destroy())
  const { address, port } = await listen(server, wanted)
  const release = () => void server.close()
  // Nobody else comes to a port that was named; one that nobody knows yet could be given away.
  if (wanted.port !== 0) release()
  return { address, port, release }
}
