import { type ChildProcess, spawn } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { expect } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { AUDIENCE, type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { type Answer, type RequestParts, request, send } from '../support/raw.ts'
import { freePort, waitUntil } from '../support/redis.ts'
import { reply, startUpstream, type Upstream, type UpstreamOptions } from '../support/upstream.ts'
import type { HeaderList } from '../support/wire.ts'

/** The data sources of a policy: each has a host of its own, `<id>.test`. */
export type Sources = Record<string, Record<string, unknown>>

export type SourcesFor = (origins: readonly Upstream[]) => Sources

export type Place = {
  readonly issuer: Issuer
  readonly origins: readonly Upstream[]
  readonly gateway: Gateway
  /** How many log lines there were at the start. */
  readonly since: number
  /** One request to the data source, one answer. */
  ask(source: string, parts?: RequestParts, timeout?: number): Promise<Answer>
  /** Other data sources, in force when this resolves. */
  reload(sources: Sources): Promise<void>
  stop(): Promise<void>
}

export type PlaceOptions = {
  readonly origins?: number
  readonly tls?: UpstreamOptions['tls']
  readonly env?: Record<string, string>
  /** Further settings of the policy. */
  readonly more?: object | ((issuer: Issuer) => object)
}

export const ROUTES = {
  'ANY /open/**': 'public',
  'ANY /closed/**': 'authenticated',
}

/** An issuer, recording origins and a gateway in front of them. */
export async function startPlace(
  sources: SourcesFor,
  { origins: count = 1, tls, env = {}, more = {} }: PlaceOptions = {},
): Promise<Place> {
  const issuer = await startIssuer()
  const origins = await Promise.all(Array.from({ length: count }, () => startUpstream(tlsOf(tls))))
  const further = typeof more === 'function' ? more(issuer) : more
  const text = (now: Sources) =>
    policy({ issuer, upstream: '', ...further, dataSources: sourcesOf(now) })
  const gateway = await startGateway(text(sources(origins)), { env })
  return {
    issuer,
    origins,
    gateway,
    since: 0,
    ask: async (source, parts = {}, timeout = 10_000) => {
      const bytes = request({ host: `${source}.test`, target: '/open/a', ...parts })
      const answers = await send(gateway.port, bytes, { timeout, settle: 0 })
      const [answer, ...others] = answers.filter(({ status }) => status === 101 || status >= 200)
      if (!answer || others.length > 0) throw new Error(`${answers.length} answers`)
      return answer
    },
    async reload(next) {
      const lines = () => gateway.logs.filter(({ msg }) => msg === 'policy reloaded').length
      const before = lines()
      gateway.writePolicy(text(next))
      gateway.signal('SIGHUP')
      await waitUntil(
        () => lines() > before,
        () => `no reload:\n${gateway.logText}`,
      )
    },
    async stop() {
      const code = await gateway.stop()
      await Promise.all([issuer.close(), ...origins.map(origin => origin.close())])
      expect({ code, stderr: gateway.errorText }).toEqual({ code: 0, stderr: '' })
    },
  }
}

const tlsOf = (tls: UpstreamOptions['tls']): UpstreamOptions => (tls ? { tls } : {})

const sourcesOf = (sources: Sources) => ({
  grades: undefined,
  ...Object.fromEntries(
    Object.entries(sources).map(([id, more]) => [
      id,
      { audience: AUDIENCE, hosts: [`${id}.test`], routes: ROUTES, ...more },
    ]),
  ),
})

export type Seen = {
  readonly active: number
  readonly pending: number
  readonly origins: readonly { origin: string; usable: boolean; inFlight: number }[]
}

/** What `/status` says of the upstream of a data source. */
export async function seen({ gateway }: Pick<Place, 'gateway'>, source: string): Promise<Seen> {
  const status = (await (await gateway.admin('/status')).json()) as {
    upstreams: (Seen & { dataSource: string })[]
  }
  const found = status.upstreams.find(({ dataSource }) => dataSource === source)
  if (!found) throw new Error(`no upstream of ${source}`)
  const { dataSource: _, ...rest } = found
  return rest
}

/** Waits until nothing is with the upstream of a data source, and nothing waits for it. */
export async function untilIdle(place: Pick<Place, 'gateway'>, source: string): Promise<void> {
  let last: unknown
  const idle = async () => {
    const { active, pending, origins } = await seen(place, source)
    last = { active, pending, origins }
    return active === 0 && pending === 0 && origins.every(({ inFlight }) => inFlight === 0)
  }
  await waitUntil(idle, () => `still with the upstream: ${JSON.stringify(last)}`, 5000)
}

/** A connection of a caller, with everything that came on it. */
export type Caller = {
  readonly socket: Socket
  readonly text: string
  readonly ended: boolean
  readonly closed: boolean
  /** Waits until something came. */
  until(part: string): Promise<void>
}

export function call(port: number, bytes: string | Buffer): Caller {
  const socket = connect(port, '127.0.0.1')
  const state = { text: '', ended: false, closed: false }
  socket.setNoDelay(true)
  socket.on('data', chunk => {
    state.text += chunk.toString('latin1')
  })
  socket.on('end', () => {
    state.ended = true
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    state.closed = true
  })
  socket.write(bytes)
  return {
    socket,
    get text() {
      return state.text
    },
    get ended() {
      return state.ended
    },
    get closed() {
      return state.closed
    },
    until: part =>
      waitUntil(
        () => state.text.includes(part),
        () => `no ${JSON.stringify(part)}, only ${JSON.stringify(state.text.slice(0, 500))}`,
        8000,
      ),
  }
}

export const WEBSOCKET: HeaderList = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
]

/** How an upstream takes a WebSocket up. */
export const accepts = (): Buffer =>
  reply({
    status: 101,
    reason: 'Switching Protocols',
    bare: true,
    headers: { Connection: 'Upgrade', Upgrade: 'websocket' },
  })

/** A place where connections do not come about: nobody accepts, and the queue is full. */
export async function startBlackHole(): Promise<{ port: number; stop(): void }> {
  const port = await freePort()
  const script = `require('net').createServer().listen(${port}, '127.0.0.1', 1, () => process.stdout.write('x'))`
  const child: ChildProcess = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise(resolve => child.stdout?.once('data', resolve))
  child.kill('SIGSTOP')
  const sockets = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  await waitUntil(() => sockets.filter(({ connecting }) => !connecting).length >= 2, 'no queue')
  return {
    port,
    stop() {
      for (const socket of sockets) socket.destroy()
      child.kill('SIGKILL')
    },
  }
}
