import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { request, sendOne } from '../support/raw.ts'
import { reply } from '../support/upstream.ts'
import { startWorld, type World } from '../support/world.ts'
import { descriptorsOf, needDescriptors } from './figures.ts'
import { settled } from './scene.ts'

const CALLERS = 512
/** Milliseconds; a minute and more says the same more often. */
const LASTS = Number(process.env.LEAVE_SECONDS ?? 8) * 1000
const BODY = 'x'.repeat(400_000)

let world: World
beforeEach(async () => {
  const routes = { 'GET /long': 'authenticated', 'GET /short': 'authenticated' }
  world = await startWorld({ log: { level: 'warn' }, dataSources: { grades: { routes } } })
  needDescriptors(world.gateway.pid, 4 * CALLERS)
  world.upstream.answer = ({ target }) => {
    world.upstream.reset()
    return reply({ body: target.startsWith('/long') ? BODY : 'ok' })
  }
})
afterEach(() => world?.stop())

/** Asks, reads the beginning of the answer, and is gone: with a reset every other time. */
const leaveInTheMiddle = (bytes: Buffer, resets: boolean): Promise<boolean> =>
  new Promise(resolve => {
    const socket: Socket = connect(world.gateway.port, '127.0.0.1')
    let began = false
    socket.on('error', () => {})
    socket.on('close', () => resolve(began))
    socket.once('data', data => {
      began = data.includes(' 200 ')
      if (resets) socket.resetAndDestroy()
      else socket.destroy()
    })
    socket.write(bytes)
  })

test(
  'callers that leave in the middle of their answers take nothing from those that stay',
  async () => {
    const token = world.issuer.token()
    const long = request({ target: '/long', token })
    const short = request({ target: '/short', token })
    await sendOne(world.gateway.port, short)
    const before = descriptorsOf(world.gateway.pid)
    const until = Date.now() + LASTS
    let left = 0
    const leaver = async (number: number) => {
      while (Date.now() < until) {
        if (await leaveInTheMiddle(long, number % 2 === 0)) left++
      }
    }
    const statuses = new Set<number>()
    const stayer = async () => {
      while (Date.now() < until) {
        statuses.add((await sendOne(world.gateway.port, short, { timeout: 30_000 })).status)
        await sleep(20)
      }
    }
    await Promise.all([...Array.from({ length: CALLERS }, (_, i) => leaver(i)), stayer()])
    expect([...statuses]).toEqual([200])
    expect(left).toBeGreaterThan(CALLERS)
    // The upstream has its places back, and the gateway its descriptors.
    expect((await sendOne(world.gateway.port, short)).status).toBe(200)
    const descriptors = await settled(() => descriptorsOf(world.gateway.pid), before + 4)
    expect(descriptors).toBeLessThanOrEqual(before + 4)
    const status = await (await world.gateway.admin('/status')).json()
    expect(status).toMatchObject({ upstreams: [{ active: 0, pending: 0 }] })
  },
  LASTS + 120_000,
)
