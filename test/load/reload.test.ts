import { afterAll, beforeAll, expect, test } from 'vitest'
import { count } from '../life/support.ts'
import { startGateway } from '../support/gateway.ts'
import { startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { waitUntil } from '../support/redis.ts'
import { type Load, startLoad, tally } from './load.ts'
import type { Seen } from './origin/words.ts'
import { startOrigin } from './origin.ts'
import type { Scene } from './scene.ts'
import { shotOf, sole } from './shots.ts'

const RELOADS = 100
const CALLERS = 16
const PATIENCE = 180_000

/** Two policies that differ in all that they say about a caller. */
const KINDS = ['even', 'odd'] as const
type Kind = (typeof KINDS)[number]

let scene: Omit<Scene, 'stop'>
beforeAll(async () => {
  const [issuer, origin] = await Promise.all([startIssuer(), startOrigin()])
  const gateway = await startGateway(textFor({ issuer, origin }, 'even'))
  scene = { issuer, origin, gateway }
})
afterAll(async () => {
  const { gateway, issuer, origin } = scene
  expect(await gateway.stop()).toBe(0)
  await Promise.all([issuer.close(), origin.kill()])
  expect(origin.faults).toEqual([])
})

function textFor({ issuer, origin }: Pick<Scene, 'issuer' | 'origin'>, kind: Kind): string {
  const routes = { 'GET /courses': { scopes: ['read'] }, 'POST /courses': { scopes: ['append'] } }
  const credentials = { basic: { username: 'dataporten', password: kind } }
  const headers = {
    gatekeeper: kind,
    scopes: { rename: { read: `read-${kind}` } },
    inject: { [`X-${kind}`]: { claim: 'name', encoding: 'percent' } },
  }
  // One of them also has another connection to the upstream.
  const idleTimeout = kind === 'even' ? '120s' : '110s'
  return policy({
    issuer,
    upstream: origin,
    log: { level: 'error' },
    dataSources: { grades: { upstream: { credentials, idleTimeout }, headers, routes } },
  })
}

/** Which policy a request was served under; `mixed` where two had a hand in it. */
function policyOf(seen: Seen): Kind | 'mixed' {
  const told = (kind: Kind) => [
    kind,
    `append,read-${kind}`,
    `Basic ${Buffer.from(`dataporten:${kind}`).toString('base64')}`,
    kind === 'even' ? 'Asbjorn%20Hansen' : '',
    kind === 'odd' ? 'Asbjorn%20Hansen' : '',
  ]
  const names = [
    'x-dataporten-gatekeeper',
    'x-dataporten-scopes',
    'authorization',
    'x-even',
    'x-odd',
  ]
  const found = names.map(name => sole(seen, name))
  return KINDS.find(kind => String(told(kind)) === String(found)) ?? 'mixed'
}

type Served = { readonly kind: Kind | 'mixed'; readonly began: number }

/** Callers whose every answer must be of one policy as a whole; which one is noted. */
function startCallers(): { load: Load; served: Served[] } {
  const served: Served[] = []
  const token = scene.issuer.token()
  let number = startCallers.number
  const shoot = (caller: number, round: number) => {
    const began = performance.now()
    number += 1
    startCallers.number = number
    return shotOf({
      number: `f${number}`,
      method: (caller + round) % 3 === 0 ? 'POST' : 'GET',
      path: '/courses',
      token,
      body: (caller + round) % 3 === 0 ? 'body'.repeat(round % 500) : '',
      judge(seen) {
        const kind = policyOf(seen)
        served.push({ kind, began })
        return kind === 'mixed' ? `of two policies: ${seen.headers.join(' ')}` : undefined
      },
    })
  }
  return { load: startLoad({ port: scene.gateway.port, callers: CALLERS, shoot }), served }
}
startCallers.number = 0

const hashInForce = async (): Promise<string> => {
  const answer = await scene.gateway.admin('/status')
  const status = (await answer.json()) as { policy: { hash: string } }
  return status.policy.hash
}

const reloads = (result: 'success' | 'failure') =>
  count(scene.gateway, 'feide_gateway_policy_reloads_total', { result })

test(`${RELOADS} reloads under load: no request fails, and each is served under one policy`, {
  timeout: PATIENCE,
}, async () => {
  const { load, served } = startCallers()
  await load.more(CALLERS)
  const late: unknown[] = []
  for (let reload = 1; reload <= RELOADS; reload += 1) {
    const kind: Kind = reload % 2 === 0 ? 'even' : 'odd'
    const before = await hashInForce()
    scene.gateway.writePolicy(textFor(scene, kind))
    // The others wait until the gateway has noticed by itself.
    if (reload % 4 < 2) scene.gateway.signal('SIGHUP')
    const isHeard = async () => (await hashInForce()) !== before
    await waitUntil(isHeard, `reload ${reload} is not heard`)
    const since = performance.now()
    await load.more(2 * CALLERS)
    late.push(...served.filter(one => one.began > since && one.kind !== kind))
    served.length = 0
  }
  const outcomes = await load.stop()
  expect(tally(outcomes)).toEqual({ right: outcomes.length })
  expect(late).toEqual([])
  expect(await reloads('failure')).toBe(0)
})

test('a policy with a fault under load: no request fails, and the old one stays in force', {
  timeout: PATIENCE,
}, async () => {
  const { load, served } = startCallers()
  await load.more(CALLERS)
  for (const fault of ['dataSources: [\n', 'listen: nowhere\n', '\0']) {
    const before = await reloads('failure')
    scene.gateway.writePolicy(textFor(scene, 'odd') + fault)
    if (fault !== '\0') scene.gateway.signal('SIGHUP')
    await waitUntil(async () => (await reloads('failure')) > before, 'the fault is not noticed')
    await load.more(4 * CALLERS)
  }
  const outcomes = await load.stop()
  expect(tally(outcomes)).toEqual({ right: outcomes.length })
  expect(new Set(served.map(({ kind }) => kind))).toEqual(new Set(['even']))
})
