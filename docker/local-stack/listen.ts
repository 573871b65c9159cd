import type { Server } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'

/** A server that listens. `close` ends open connections too, so that nothing keeps a port. */
export interface Running {
  readonly url: string
  close(): Promise<void>
}

/** A port that cannot be had: the message names it, the caller knows the option that changes it. */
export class PortError extends Error {
  override readonly name = 'PortError'

  constructor(port: number, code: string | undefined) {
    const inUse = code === 'EADDRINUSE'
    super(inUse ? `port ${port} is in use` : `port ${port} cannot be opened (${code})`)
  }
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

/** Starts to listen on `host`; port 0 takes any free one, the answer's `url` has the real one. */
export const listen = (server: Server, port: number, host = '127.0.0.1'): Promise<Running> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new PortError(port, error.code)))
    server.listen(port, host, () => {
      const real = (server.address() as AddressInfo).port
      resolve({
        url: `http://${host.includes(':') ? `[${host}]` : host}:${real}`,
        close: closing(server),
      })
    })
  })

const closing = (server: Server) => () =>
  new Promise<void>(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
