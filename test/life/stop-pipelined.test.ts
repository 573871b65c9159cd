import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { request, send } from '../support/raw.ts'
import { reply } from '../support/upstream.ts'
import { startWorld } from '../support/world.ts'

test('what was sent on one connection before SIGTERM is answered, and the last answer closes', async () => {
  const routes = { 'ANY /open/**': 'public' }
  const world = await startWorld({ dataSources: { grades: { routes } } })
  try {
    world.upstream.answer = async ({ target }) => {
      await sleep(100)
      return reply({ body: target })
    }
    const targets = [1, 2, 3, 4, 5].map(number => `/open/${number}`)
    const bytes = Buffer.concat(targets.map(target => request({ target })))
    const sent = send(world.gateway.port, bytes, { answers: targets.length, timeout: 10_000 })
    while (world.upstream.requests.length === 0) await sleep(5)
    world.gateway.signal('SIGTERM')
    const answers = await sent
    expect(answers.map(({ body }) => body.toString())).toEqual(targets)
    const closing = answers.map(({ headers }) =>
      headers.some(([name, value]) => name.toLowerCase() === 'connection' && value === 'close'),
    )
    expect(closing).toEqual([false, false, false, false, true])
    expect(await world.gateway.exited).toBe(0)
  } finally {
    await world.stop()
  }
})
