import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { waitUntil } from '../support/redis.ts'
import { type Outcome, startLoad } from './load.ts'
import { type Origin, startOrigin } from './origin.ts'
import { shotOf } from './shots.ts'

const CALLERS = 24
const ROUNDS = 3
/** Milliseconds after which the gateway has tried again to reach an upstream that is down. */
const LONG_ENOUGH = 7_000

let directory: string
let issuer: Issuer
let origins: [Origin, Origin]
let gateway: Gateway
/** Those that were killed, too. */
const everStarted: Origin[] = []

async function start(port = 0): Promise<Origin> {
  const journal = join(directory, `journal-${everStarted.length}-${port}`)
  const origin = await startOrigin({ port, journal })
  everStarted.push(origin)
  return origin
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'feide-gateway-load-'))
  issuer = await startIssuer()
  origins = [await start(), await start()]
  const upstream = { url: undefined, urls: origins.map(({ url }) => url) }
  const routes = { 'GET /courses': { scopes: ['read'] }, 'POST /courses': { scopes: ['append'] } }
  const log = { level: 'error' }
  const grades = { upstream, routes }
  gateway = await startGateway(policy({ issuer, upstream: '', log, dataSources: { grades } }))
})
afterAll(async () => {
  expect(await gateway.stop()).toBe(0)
  await Promise.all([issuer.close(), ...origins.map(origin => origin.kill())])
  rmSync(directory, { recursive: true, force: true })
})

let number = 0
function startCallers() {
  const token = issuer.token()
  const shoot = (caller: number, round: number) => {
    const method = (caller + round) % 2 === 0 ? 'POST' : 'GET'
    const body = method === 'POST' ? 'what is sent once' : ''
    const path = '/courses'
    number += 1
    // So slow that there always are some in flight.
    const wish = 'later'
    const judge = () => undefined
    return shotOf({ number: `x${number}`, method, path, token, body, wish, judge })
  }
  return startLoad({ port: gateway.port, callers: CALLERS, shoot })
}

/** What can be known of one kill: when, and who had got what. */
type Kill = {
  readonly killed: Origin
  readonly survivor: Origin
  /** Milliseconds of `performance.now()`: before the signal, and when the process had gone. */
  readonly from: number
  readonly gone: number
}

/** The first answer to a request that began after a moment: from then on the gateway must know. */
const firstAfter = (outcomes: readonly Outcome[], moment: number): number =>
  Math.min(...outcomes.filter(({ began }) => began > moment).map(({ ended }) => ended))

/** Failures that a kill explains: of requests that nobody has but, perhaps, the one that is dead. */
function explainedBy({ killed, survivor, from, gone }: Kill, outcomes: readonly Outcome[]) {
  const known = firstAfter(outcomes, gone)
  const unanswered = killed.unanswered()
  const elsewhere = survivor.arrived()
  return outcomes.filter(
    ({ said, number, began, ended }) =>
      said === '502 upstream_unavailable' &&
      !elsewhere.has(number) &&
      ended > from &&
      (unanswered.has(number) || began < known),
  )
}

test('an upstream that is killed and started again costs the requests in flight on it, no others', {
  timeout: 120_000,
}, async () => {
  const load = startCallers()
  const kills: Kill[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const victim = round % 2 === 0 ? 0 : 1
    const killed = origins[victim]
    const survivor = origins[1 - victim] as Origin
    await load.more(10 * CALLERS)
    const from = performance.now()
    await killed.kill()
    kills.push({ killed, survivor, from, gone: performance.now() })
    await load.more(10 * CALLERS)
    if (round === 0) await sleep(LONG_ENOUGH)
    const next = await start(killed.port)
    origins[victim] = next
    const isUsed = () => next.arrived().size > 2 * CALLERS
    await waitUntil(isUsed, 'the upstream that came back is not used', 30_000)
  }
  const outcomes = await load.stop()
  const failed = outcomes.filter(({ said }) => said !== 'right')
  const explained = kills.map(kill => explainedBy(kill, outcomes))
  expect(failed.filter(one => !explained.flat().includes(one))).toEqual([])
  for (const some of explained) expect(some.length).toBeLessThanOrEqual(CALLERS)
  expect(kills.some(({ killed }) => killed.unanswered().size > 0)).toBe(true)
  expect(outcomes.length).toBeGreaterThan(20 * CALLERS * ROUNDS)
  expect(sentTwice(outcomes)).toEqual([])
})

/** Requests with a body that more than one upstream has seen. */
function sentTwice(outcomes: readonly Outcome[]): string[] {
  const posts = outcomes.filter(({ method }) => method === 'POST').map(post => post.number)
  const arrived = everStarted.map(origin => origin.arrived())
  return posts.filter(n => arrived.filter(numbers => numbers.has(n)).length > 1)
}
