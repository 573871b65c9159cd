import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from './processes.ts'

/** A port that nobody listens on; somebody may take it before it is used. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** Milliseconds. */
const PATIENCE = 15_000

/** Waits until a server takes connections; rejects with its own words where it ends instead. */
export async function untilListening(port: number, server: Server): Promise<void> {
  const deadline = performance.now() + PATIENCE
  while (!(await answers(port))) {
    if (server.hasEnded() || performance.now() > deadline) {
      throw new Error(`nothing listens on port ${port}: ${server.complaints()}`)
    }
    await sleep(1)
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
