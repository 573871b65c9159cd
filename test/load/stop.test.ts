import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Caller, openCaller } from './caller.ts'
import { MIB } from './figures.ts'
import { type Outcome, startLoad, tally } from './load.ts'
import { type Scene, startScene } from './scene.ts'
import { shotOf, statusOf } from './shots.ts'

const CALLERS = 32
const IDLE = 20

let scene: Scene
beforeEach(async () => {
  const routes = { 'GET /courses': { scopes: ['read'] }, 'POST /courses': { scopes: ['append'] } }
  scene = await startScene({ limits: { drain: '20s' }, dataSources: { grades: { routes } } })
})
afterEach(async () => {
  await scene?.stop()
  expect(scene.origin.faults).toEqual([])
})

let number = 0
function startCallers(token: string) {
  const shoot = (caller: number, round: number) => {
    const method = (caller + round) % 2 === 0 ? 'POST' : 'GET'
    const body = method === 'POST' ? 'what is sent once' : ''
    const wish = ['plain', 'later', 'chunked', 'slow', 'big'][(caller + round) % 5] ?? ''
    const judge = () => undefined
    number += 1
    return shotOf({ number: `f${number}`, method, path: '/courses', token, body, wish, judge })
  }
  const { port } = scene.gateway
  return startLoad({ port, callers: CALLERS, shoot, endWithGateway: true })
}

function ask(caller: Caller, token: string, query: string) {
  number += 1
  const fields = `Host: a\r\nAuthorization: Bearer ${token}\r\n`
  caller.write(`GET /courses?n=f${number}&${query} HTTP/1.1\r\n${fields}\r\n`)
  return caller.answer('GET')
}

/** A connection that has had its answer, and is kept. */
async function openIdle(token: string): Promise<Caller> {
  const caller = openCaller(scene.gateway.port)
  expect(statusOf(await ask(caller, token, 'a=plain'))).toBe(200)
  return caller
}

/** A caller that has begun to read a large answer, and has stopped. */
async function openLarge(token: string) {
  const caller = openCaller(scene.gateway.port)
  let bytes = 0
  const begun = new Promise<void>(resolve => {
    caller.onBody(chunk => {
      bytes += chunk.length
      resolve()
    })
  })
  const answer = ask(caller, token, `a=bulk&size=${16 * MIB}`)
  await begun
  caller.socket.pause()
  const finish = async () => {
    caller.socket.resume()
    return { status: statusOf(await answer), bytes }
  }
  return { finish }
}

/** Says of each outcome what it must not be. */
function surprisesIn(outcomes: readonly Outcome[], signalled: number): readonly Outcome[] {
  const announced = outcomes.filter(({ closes }) => closes).map(({ ended }) => ended)
  const draining = Math.min(...announced)
  const isFine = ({ began, ended, first, said, silent, closes }: Outcome): boolean => {
    if (said === 'right') return began < draining || closes
    // Written after the gateway was told to stop, or on a connection that it had not accepted yet:
    // closed without a byte of an answer, so that the caller knows that it may try again.
    return silent && ended > signalled && (began > signalled || first)
  }
  return outcomes.filter(one => !isFine(one))
}

test.for([1, 2, 3, 4])(
  'SIGTERM under load: what was accepted is answered (%d)',
  {
    timeout: 120_000,
  },
  async () => {
    const token = scene.issuer.token()
    const idle = await Promise.all(Array.from({ length: IDLE }, () => openIdle(token)))
    const large = await Promise.all(Array.from({ length: 4 }, () => openLarge(token)))
    const load = startCallers(token)
    await load.more(10 * CALLERS)

    const signalled = performance.now()
    scene.gateway.signal('SIGTERM')
    await Promise.all(idle.map(({ ended }) => ended))
    const downloads = await Promise.all(large.map(({ finish }) => finish()))
    const outcomes = await load.stop()

    expect(surprisesIn(outcomes, signalled)).toEqual([])
    expect(tally(outcomes).right).toBeGreaterThan(10 * CALLERS)
    expect(outcomes.some(({ closes }) => closes)).toBe(true)
    expect(downloads).toEqual(Array(4).fill({ status: 200, bytes: 16 * MIB }))
    expect(idle.map(caller => caller.fault())).toEqual(Array(IDLE).fill(undefined))
    expect(await scene.gateway.exited).toBe(0)
    expect(scene.gateway.errorText).toBe('')
  },
)
