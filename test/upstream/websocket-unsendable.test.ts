import { IncomingMessage } from 'node:http'
import { type AddressInfo, createServer, Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { Origin, Route } from '../../gateway/model.ts'
import { permitPublic } from '../../gateway/policy/access.ts'
import { openTarget } from '../../gateway/upstream/targets.ts'
import { forwardWebSocket } from '../../gateway/upstream/websocket.ts'
import { policyOf } from '../policy/support.ts'
import { policy } from '../support/policy.ts'

/** Everything is checked before: this is for the day on which something is forgotten. */

test.for<[string, { headers: string[] }]>([
  ['a header that would be two lines', { headers: ['X-A', 'a\r\nX-B: b'] }],
  ['a name that is none', { headers: ['X A', 'a'] }],
])('%s is refused, sends nothing and holds no place', async ([, parts]) => {
  const sent: Buffer[] = []
  const origin = createServer(socket => void socket.on('data', (bytes: Buffer) => sent.push(bytes)))
  await new Promise<void>(resolve => origin.listen(0, '127.0.0.1', resolve))
  const upstream = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  const { routes } = policyOf(policy({ issuer: 'http://127.0.0.1:1', upstream }))
  const route = routes.find(({ access }) => access.kind === 'public') as Route
  const [first] = route.dataSource.upstream.origins as readonly [Origin]
  const events = { onAvoided: () => {}, onBack: () => {} }
  const target = openTarget(route.dataSource.upstream, first, events, Date.now)
  const told: string[] = []
  const socket = new Socket()
  const incoming = Object.assign(new IncomingMessage(socket), { method: 'GET' })
  forwardWebSocket(target, {
    permit: permitPublic(route),
    outgoing: { method: 'GET', origin: first, target: '/', ...parts },
    ...{ incoming, socket, head: Buffer.alloc(0), requestId: 'a', closeAt: undefined },
    onHead: () => told.push('head'),
    onUnreachable: () => told.push('unreachable') < 0,
    onDenied: ({ denied }) => told.push(denied),
    onClosed: () => told.push('closed'),
    onDone: () => told.push('done'),
  })
  expect([told, target.state.inFlight]).toEqual([['done', 'upstream_unavailable'], 0])
  await new Promise(resolve => setTimeout(resolve, 100))
  expect([Buffer.concat(sent).toString(), told.length]).toEqual(['', 2])
  target.destroy()
  origin.close()
})
