import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { count } from '../life/support.ts'
import { pidsOf, untilServing } from '../life/workers.ts'
import { cli, type Gateway, startGateway } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { request, sendOne } from '../support/raw.ts'
import { type Redis, startRedis, waitUntil } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const SIZE = 3
/** Several processes begin several times; a busy machine takes its time. */
const TIMEOUT = 90_000

let redis: Redis
let issuer: Issuer
let upstream: Upstream
let gateway: Gateway
beforeAll(async () => {
  ;[redis, issuer, upstream] = await Promise.all([startRedis(), startIssuer(), startUpstream()])
  gateway = await startGateway(
    policy({ issuer, upstream, workers: SIZE, redis: { url: redis.url, secret: 'a secret' } }),
  )
  await untilServing(gateway, SIZE)
}, TIMEOUT)
afterAll(async () => {
  await gateway?.stop()
  await Promise.all([redis, issuer, upstream].map(part => part?.close()))
}, TIMEOUT)

/** What all workers say of a token: each has some of the connections. */
async function verdicts(): Promise<string[]> {
  const token = issuer.token()
  const ask = () => sendOne(gateway.port, request({ target: '/me', token }))
  const answers = await Promise.all(Array.from({ length: 8 * SIZE }, ask))
  return [...new Set(answers.map(({ status }) => String(status)))]
}
const all = (status: string) => async () => (await verdicts()).join() === status

const run = (word: 'distrust' | 'trust') =>
  cli(['keys', '--config', gateway.policyFile, word, 'key-1'])

describe('workers that share a Redis with other gateways', { timeout: TIMEOUT }, () => {
  it('each have a connection of their own, and say so', async () => {
    const up = async () => (await count(gateway, 'feide_gateway_redis_up')) === 1
    await waitUntil(up, 'Redis is away')
    expect(await (await gateway.admin('/status')).json()).toMatchObject({ redis: { up: true } })
    const there = gateway.logs.filter(({ msg }) => msg === 'redis is there')
    const pids = await pidsOf(gateway)
    expect([...new Set(there.map(({ worker }) => Number(worker)))].sort()).toEqual(pids.sort())
  })
  it('all hear that an operator distrusts a key, and that he trusts it again', async () => {
    expect(await verdicts()).toEqual(['200'])
    expect(await run('distrust')).toMatchObject({ code: 0, stdout: 'distrusted: key-1\n' })
    await waitUntil(all('401'), 'not all have heard of it')
    // A worker that begins now knows of it before it uses any key.
    const [victim = 0] = await pidsOf(gateway)
    process.kill(victim, 'SIGKILL')
    await waitUntil(async () => !(await pidsOf(gateway)).includes(victim), 'it does not die')
    const replaced = async () => (await pidsOf(gateway)).length === SIZE
    await waitUntil(replaced, 'it is not replaced', 60_000)
    expect(await verdicts()).toEqual(['401'])
    expect(await run('trust')).toMatchObject({ code: 0, stdout: 'no key is distrusted\n' })
    await waitUntil(all('200'), 'not all have heard of it')
  })
  it('go on when Redis is away', async () => {
    await redis.stop()
    const down = async () => (await count(gateway, 'feide_gateway_redis_up')) === 0
    await waitUntil(down, 'nobody has noticed')
    expect(await verdicts()).toEqual(['200'])
    await redis.start()
    const up = async () => (await count(gateway, 'feide_gateway_redis_up')) === 1
    await waitUntil(up, 'it does not come back', 30_000)
  })
})
