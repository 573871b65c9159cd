import { closeSync, openSync, writeSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { acceptConnection, type Origin } from './connection.ts'
import type { Order, Report, Seen } from './words.ts'

/**
 * An upstream as a process of its own, which a test can kill: it answers what it saw. Arguments: the
 * port (0 for any), and a file that is told of each request that comes (`+`) and is answered (`-`).
 */

const [port = '0', journalFile] = process.argv.slice(2)
const journal = journalFile === undefined ? undefined : openSync(journalFile, 'a')
const sockets = new Set<Socket>()
/** Numbers that have come, the latest of them. */
const arrivals = new Map<string, number>()
const REMEMBERED = 200_000
const counts = { requests: 0 }
let witnessed: Seen[] = []

const report = (said: Report): void => void process.send?.(said)

function forgetOldest(): void {
  for (const number of arrivals.keys()) {
    if (arrivals.size <= REMEMBERED / 2) return
    arrivals.delete(number)
  }
}

/** In one message for many: each costs both processes. */
function flush(): void {
  if (witnessed.length > 0) report({ kind: 'witness', seen: witnessed })
  witnessed = []
}

const origin: Origin = {
  arrived(number) {
    counts.requests += 1
    const before = arrivals.get(number) ?? 0
    arrivals.set(number, before + 1)
    if (arrivals.size > REMEMBERED) forgetOldest()
    if (journal !== undefined) writeSync(journal, `+${number}\n`)
    return before + 1
  },
  answered(number) {
    if (journal !== undefined) writeSync(journal, `-${number}\n`)
  },
  witness(seen) {
    witnessed.push(seen)
  },
  fault: (fault, bytes) => report({ kind: 'fault', fault, bytes: bytes.slice(0, 4000) }),
  bulk: (bytes, sha256) => report({ kind: 'bulk', bytes, sha256 }),
}

const server = createServer({ noDelay: true }, socket => {
  sockets.add(socket)
  socket.on('error', () => {})
  socket.once('close', () => sockets.delete(socket))
  acceptConnection(origin, socket)
})

const ORDERS: Readonly<Record<Order, () => void>> = {
  count() {
    flush()
    report({ kind: 'counts', counts: { open: sockets.size, requests: counts.requests } })
  },
  pause() {
    for (const socket of sockets) socket.pause()
  },
  resume() {
    for (const socket of sockets) socket.resume()
  },
}

process.on('message', (order: Order) => ORDERS[order]())
// Its parent is gone, however it went.
process.on('disconnect', () => process.exit(0))
process.on('exit', () => journal !== undefined && closeSync(journal))
setInterval(flush, 100).unref()
server.listen(Number(port), '127.0.0.1', 4096, () => {
  report({ kind: 'listening', port: (server.address() as AddressInfo).port })
})
