import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cli, type Gateway, type Result, startGateway, writeTemporary } from '../support/gateway.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { policy } from '../support/policy.ts'
import { freePort, type Redis, startRedis, waitUntil } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import { ask } from './load.ts'
import { isReady, statusOf } from './look.ts'

let redis: Redis
let issuer: Issuer
let upstream: Upstream
let gateways: Gateway[] = []
/** The policy of the gateway that runs, of one that does not, and of one without Redis. */
let files: { running: string; idle: string; alone: string; away: string }
const directories: string[] = []
let tokens: { first: string; second: string }

function write(more: object): string {
  const { directory, file } = writeTemporary(policy({ issuer, upstream, ...more }))
  directories.push(directory)
  return file
}

beforeAll(async () => {
  ;[redis, issuer, upstream] = await Promise.all([startRedis(), startIssuer(), startUpstream()])
  const first = issuer.token()
  issuer.rotate('key-2')
  tokens = { first, second: issuer.token() }
  const shared = { redis: { url: redis.url, secret: 'a secret of the gateways' } }
  const running = { ...shared, admin: `127.0.0.1:${await freePort()}` }
  const idle = { ...shared, admin: 'off' }
  files = {
    running: write(running),
    idle: write(idle),
    alone: write({ admin: 'off' }),
    away: write({ admin: 'off', redis: { url: `redis://127.0.0.1:${await freePort()}` } }),
  }
  const texts = [policy({ issuer, upstream, ...running }), policy({ issuer, upstream, ...shared })]
  gateways = await Promise.all(texts.map(text => startGateway(text)))
  const ready = async () => (await Promise.all(gateways.map(isReady))).every(Boolean)
  await waitUntil(ready, 'the gateways are not ready')
})
afterAll(async () => {
  await Promise.all(gateways.map(gateway => gateway.stop()))
  await Promise.all([redis, issuer, upstream].map(part => part?.close()))
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

const run = (file: string, ...words: string[]) => cli(['keys', ...words, '--config', file])
const done = (stdout: string): Result => ({ code: 0, stdout, stderr: expect.any(String) })

/** What each gateway says of the tokens of both keys. */
const verdicts = async () =>
  Promise.all(
    gateways.map(async gateway => {
      const both = [await ask(gateway, tokens.first), await ask(gateway, tokens.second)]
      return both.map(({ said }) => said).join(' ')
    }),
  )

/** Waits until all gateways say so; how long it took since the command was done. */
async function heard(wanted: string): Promise<number> {
  const before = performance.now()
  const all = async () => (await verdicts()).every(said => said === wanted)
  await waitUntil(all, `not heard: ${wanted}`, 10_000)
  return performance.now() - before
}

const BOTH = '200 200'
const SECOND_ONLY = 'token_key_unknown 200'

describe('keys', () => {
  it('shows what the running gateway has', async () => {
    const { code, stdout } = await run(files.running)
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        source: expect.stringMatching(/^(issuer|redis)$/),
        age: expect.any(Number),
        kids: ['key-1', 'key-2'],
        unusable: [],
        distrusted: [],
        nextRefresh: expect.any(String),
        lastError: null,
      },
    ])
  })

  it('shows what Redis has where no gateway runs', async () => {
    const { code, stdout } = await run(files.idle)
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      { source: 'redis', age: expect.any(Number), kids: ['key-1', 'key-2'], distrusted: [] },
    ])
  })

  it.each(['alone', 'away'] as const)('has nothing to show: %s', async name => {
    const { code, stdout, stderr } = await run(files[name])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('no gateway answers on the admin address of this policy')
  })

  it.each([
    [['keys', 'distrust']],
    [['keys', 'trust']],
    [['keys', 'distrust', 'a', 'b']],
    [['keys', 'forget']],
  ])('wrong usage: %j', async words => {
    const { code, stdout, stderr } = await cli(words)
    expect([code, stdout, stderr.startsWith('error: ')]).toEqual([2, '', true])
  })
})

describe('keys distrust and trust', () => {
  it('are heard by all gateways within a second, and outlast a refresh', async () => {
    expect(await verdicts()).toEqual([BOTH, BOTH])
    expect(await run(files.idle, 'distrust', 'key-1')).toEqual(done('distrusted: key-1\n'))
    const took = [await heard(SECOND_ONLY)]
    const statuses = await Promise.all(gateways.map(statusOf))
    expect(statuses.map(({ keys }) => keys.distrusted)).toEqual([['key-1'], ['key-1']])

    const fetches = issuer.fetches
    for (const gateway of gateways) gateway.signal('SIGHUP')
    await waitUntil(() => issuer.fetches > fetches, 'nobody fetched')
    expect((await run(files.idle, 'refresh')).code).toBe(0)
    expect(await verdicts()).toEqual([SECOND_ONLY, SECOND_ONLY])

    expect(await run(files.idle, 'trust', 'key-1')).toEqual(done('no key is distrusted\n'))
    took.push(await heard(BOTH))
    console.info(`distrust and trust were heard after ${took.map(Math.round).join(' and ')} ms`)
    // A second, and what the requests that ask take on a busy machine.
    expect(Math.max(...took)).toBeLessThan(3000)
  })

  it('add up, and take back one by one', async () => {
    const said: string[] = []
    for (const [word, kid] of [
      ['distrust', 'a'],
      ['distrust', 'b'],
      ['distrust', 'b'],
      ['trust', 'never distrusted'],
      ['trust', 'a'],
      ['trust', 'b'],
    ] as const) {
      said.push((await run(files.idle, word, kid)).stdout)
    }
    expect(said).toEqual([
      'distrusted: a\n',
      'distrusted: a b\n',
      'distrusted: a b\n',
      'distrusted: a b\n',
      'distrusted: b\n',
      'no key is distrusted\n',
    ])
  })

  it.each(['distrust', 'trust'])(
    '%s changes nothing where Redis is away, and says so',
    async word => {
      expect(await run(files.away, word, 'key-1')).toEqual({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining('error: Redis does not answer; nothing was changed'),
      })
    },
  )

  it('is known to a gateway that starts later', async () => {
    await run(files.idle, 'distrust', 'key-1')
    const later = await startGateway(
      policy({ issuer, upstream, redis: { url: redis.url, secret: 'a secret of the gateways' } }),
    )
    try {
      await waitUntil(() => isReady(later), 'not ready')
      const known = async () => (await statusOf(later)).keys.distrusted.length === 1
      await waitUntil(known, 'it does not know')
      expect((await ask(later, tokens.first)).said).toBe('token_key_unknown')
    } finally {
      await later.stop()
      await run(files.idle, 'trust', 'key-1')
      await heard(BOTH)
    }
  })
})

describe('keys refresh', () => {
  it('fetches now, and all gateways hear of it within a second', async () => {
    const fetches = issuer.fetches
    const before = issuer.keys
    issuer.keys = before.filter(({ kid }) => kid === 'key-2')
    expect(await run(files.idle, 'refresh')).toEqual(done('key-2\n'))
    const took = await heard(SECOND_ONLY)
    expect(issuer.fetches).toBe(fetches + 1)
    issuer.keys = before
    expect(await run(files.running, 'refresh')).toEqual(done('key-1\nkey-2\n'))
    await heard(BOTH)
    console.info(`a refresh was heard after ${Math.round(took)} ms`)
  })

  it('says what is wrong with the issuer, and changes nothing', async () => {
    issuer.fail = 'empty'
    const result = await run(files.idle, 'refresh').finally(() => {
      issuer.fail = undefined
    })
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toContain('error: ')
    expect(await verdicts()).toEqual([BOTH, BOTH])
  })

  it('needs a Redis', async () => {
    const { code, stdout, stderr } = await run(files.alone, 'refresh')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('error: expected `redis` in the policy')
  })

  it('says so where Redis is away', async () => {
    const { code, stdout, stderr } = await run(files.away, 'refresh')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('error: Redis does not answer')
  })
})
