import { createHash } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { USER_ID } from '../../support/issuer.ts'
import { request } from '../../support/raw.ts'
import type { Bench } from '../bench.ts'
import { type Contestant, WORK } from '../contestant.ts'
import { treeMemory } from '../proc.ts'
import type { Scenario } from '../scenario.ts'
import { closeAll, holdConnections } from '../sockets.ts'
import { figure } from '../statistics.ts'
import { markdown } from '../table.ts'
import { claimsOf } from '../tokens.ts'

const HELD = 3_000

/** So many show what a young process still has to make room for, whatever fills it. */
const EARLY = 1_000

/** The first ones load code and fill pools. */
const FIRST = 50

export const websocket: Scenario = {
  name: 'websocket',
  says: `${HELD} idle WebSockets, each opened with a token`,
  run: async bench => {
    const upstream = await startWebSocketServer()
    try {
      const data: WebSocketFigures[] = []
      for (const one of bench.contestants) data.push(await holdIdle(bench, one, upstream))
      const rows = bench.contestants.map((one, i) => [
        one.title(),
        figure((data[i]?.bytes ?? Number.NaN) / 1024),
        figure((data[i]?.early ?? Number.NaN) / 1024),
      ])
      const columns = ['contestant', 'KiB each', `of the first ${EARLY}`]
      const tables = [markdown(columns, rows)]
      return { scenario: websocket.name, says: websocket.says, tables, data, others: [] }
    } finally {
      upstream.close()
    }
  },
}

interface WebSocketFigures {
  readonly name: string
  /** Bytes for each of all, and of the early ones. */
  readonly bytes: number
  readonly early: number
}

async function holdIdle(
  { issuer, start, say }: Bench,
  contestant: Contestant,
  upstream: WebSocketServer,
): Promise<WebSocketFigures> {
  const { name, port, server } = await start(contestant, { upstreamPort: upstream.port })
  const held: Socket[] = []
  try {
    const bytes = request({ headers: UPGRADE, token: issuer.token(claimsOf(issuer)) })
    held.push(...(await holdConnections(port, FIRST, bytes, 101)))
    if (contestant.authenticates) assertTold(name, upstream.lastHeaders())
    await sleep(500)
    const before = treeMemory(server.pid).now
    const grown = async (count: number): Promise<number> => {
      held.push(...(await holdConnections(port, FIRST + count - held.length, bytes, 101)))
      await sleep(1_000)
      return (treeMemory(server.pid).now - before) / count
    }
    const early = await grown(EARLY)
    const each = await grown(HELD)
    say(`  ${name}: ${figure(each / 1024)} KiB`)
    return { name, bytes: each, early }
  } finally {
    closeAll(held)
    await server.stop()
  }
}

/** The check before the timing is of requests; this one is of upgrades. */
function assertTold(name: string, headers: IncomingHttpHeaders): void {
  const { authorization, 'x-dataporten-userid': userid } = headers
  if (authorization === WORK.authorization && userid === USER_ID) return
  throw new Error(`${name} does not tell the upstream who opens a WebSocket`)
}

const UPGRADE = {
  'X-Dataporten-Userid': 'forged',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

interface WebSocketServer {
  readonly port: number
  /** Of the last upgrade. */
  readonly lastHeaders: () => IncomingHttpHeaders
  readonly close: () => void
}

/** RFC 6455 §4.2.2: takes every WebSocket, and says nothing on it. */
async function startWebSocketServer(): Promise<WebSocketServer> {
  const open = new Set<Socket>()
  let last: IncomingHttpHeaders = {}
  const server = createServer((_, response) => response.end())
  server.on('upgrade', ({ headers }, socket: Socket) => {
    last = headers
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.resume()
    const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${GUID}`)
    const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
    socket.write(`${head}Sec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', 4096, resolve))
  const { port } = server.address() as AddressInfo
  const close = () => {
    closeAll([...open])
    server.close()
  }
  return { port, lastHeaders: () => last, close }
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
