import { rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { cli, type Gateway, startGateway, writeTemporary } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { waitUntil } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { ask, figures, startLoad, tally } from './load.ts'
import { isReady, said, statusOf } from './look.ts'
import { type Sentinels, sentinels } from './redis-kinds.ts'

let redis: Sentinels
let issuer: Issuer
let upstream: Upstream
let gateway: Gateway
let written: { directory: string; file: string }

beforeAll(async () => {
  ;[redis, issuer, upstream] = await Promise.all([sentinels(), startIssuer(), startUpstream()])
  const rules = { issuer, upstream, redis: { url: redis.url } }
  written = writeTemporary(policy({ ...rules, admin: 'off' }))
  gateway = await startGateway(policy(rules))
  await waitUntil(() => isReady(gateway), 'not ready')
})
afterAll(async () => {
  await gateway?.stop()
  await Promise.all([redis, issuer, upstream].map(part => part?.close()))
  rmSync(written.directory, { recursive: true, force: true })
})

const up = async () => (await statusOf(gateway)).redis?.up === true

it('a failover fails no request, and what operators say is heard after it', {
  timeout: 60_000,
}, async () => {
  await waitUntil(up, 'redis is not up')
  const load = startLoad(100, () => ask(gateway, issuer.token()))
  const began = performance.now()
  await redis.master.stop()
  const moved = async () => (await redis.current()) === redis.replica.port
  await waitUntil(moved, 'the sentinel changes nothing', 20_000)
  const movedAfter = performance.now() - began
  await waitUntil(up, 'the gateway does not find the new node', 20_000)
  const upAfter = performance.now() - began
  const replies = await load.stop()
  console.info(
    `failover after ${Math.round(movedAfter)} ms, found after ${Math.round(upAfter)} ms; ` +
      `${replies.length} requests, ${figures(replies)}`,
  )
  expect(tally(replies)).toEqual({ 200: replies.length })

  const distrust = await cli(['keys', 'distrust', 'key-1', '--config', written.file])
  expect(distrust).toMatchObject({ code: 0, stdout: 'distrusted: key-1\n' })
  const refused = async () => (await ask(gateway, issuer.token())).said === 'token_key_unknown'
  await waitUntil(refused, 'the distrust is not heard')
  expect(said(gateway, 'redis is there', 'redis is away').map(({ msg }) => msg)).toEqual([
    'redis is there',
    'redis is away',
    'redis is there',
  ])
})
