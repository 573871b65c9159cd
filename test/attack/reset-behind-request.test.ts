import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { request } from '../support/raw.ts'
import { headerOf } from '../support/upstream.ts'
import { startWorld } from '../support/world.ts'

test('a caller that resets its connection cannot hide where it came from', async () => {
  const routes = { 'ANY /open/**': 'public' }
  const world = await startWorld({ dataSources: { grades: { routes } } })
  const bytes = request({
    method: 'POST',
    target: '/open/a',
    headers: [['Content-Length', '2']],
    body: 'ok',
  })
  try {
    for (let count = 0; count < 200; count++) {
      const socket = connect(world.gateway.port, '127.0.0.1')
      socket.on('error', () => {})
      await new Promise(resolve => socket.once('connect', resolve))
      socket.write(bytes)
      socket.resetAndDestroy()
    }
    await sleep(500)
    const seen = world.upstream.requests.map(each => headerOf(each, 'X-Forwarded-For').join())
    expect(seen.filter(address => address !== '127.0.0.1')).toEqual([])
  } finally {
    await world.stop()
  }
})
