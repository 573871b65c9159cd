import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  cluster,
  type RedisOfKind,
  sentinels,
  singleNode,
  withLogin,
  withTls,
} from './redis-kinds.ts'
import { type OpenStore, openStore, untilUp } from './stores.ts'

const KINDS: [string, () => Promise<RedisOfKind>][] = [
  ['a single node', singleNode],
  ['a node with user, password and database', withLogin],
  ['a node with TLS', withTls],
  ['two nodes and a Sentinel', sentinels],
  ['a cluster', cluster],
]

const AN_HOUR = 3_600_000
const keySet = { fetchedAt: 1_767_600_000_000, document: { keys: [{ kty: 'RSA', kid: 'key-1' }] } }

describe.each(KINDS)('two gateways that share %s', (_name, begin) => {
  let redis: RedisOfKind
  let stores: [OpenStore, OpenStore]

  beforeAll(async () => {
    redis = await begin()
    stores = [openStore(redis.url), openStore(redis.url)]
    await Promise.all(stores.map(untilUp))
  })
  afterAll(async () => {
    await Promise.all(stores.map(store => store.close()))
    await redis.close()
  })

  it('read what the other has written', async () => {
    const [one, other] = stores
    await one.write(keySet, AN_HOUR)
    expect(await other.read()).toEqual(keySet)
  })

  it('notice that the other has changed something', async () => {
    const [one, other] = stores
    const stamps = [await other.stamp()]
    await one.write(keySet, AN_HOUR)
    stamps.push(await other.stamp())
    await one.changeDistrusted(kids => void kids.add('key-9'))
    stamps.push(await other.stamp(), await other.stamp())
    expect([new Set(stamps).size, stamps[2]]).toEqual([3, stamps[3]])
  })

  it('do not fetch at the same time, nor while the last fetch has just failed', async () => {
    const [one, other] = stores
    const seen = [await one.lease(), await other.lease()]
    await other.release(0)
    seen.push(await other.lease())
    await one.release(60_000)
    seen.push(await other.lease())
    await one.release(0)
    seen.push(await other.lease())
    await other.release(0)
    expect(seen).toEqual([true, false, false, false, true])
  })

  it('claim one fetch per cooldown between them', async () => {
    const fresh = [openStore(redis.url, { prefix: 'a:' }), openStore(redis.url, { prefix: 'a:' })]
    await Promise.all(fresh.map(untilUp))
    const claims = await Promise.all(fresh.map(store => store.claimCooldown(AN_HOUR)))
    await Promise.all(fresh.map(store => store.close()))
    expect(claims.sort()).toEqual([false, true])
  })

  it('hear the same of distrusted keys', async () => {
    const [one, other] = stores
    const say = (...kids: string[]) =>
      one.changeDistrusted(all => {
        all.clear()
        for (const kid of kids) all.add(kid)
      })
    await say('b', 'a')
    const both = await other.distrusted()
    await say()
    const none = await other.distrusted()
    expect([both?.kids, none?.kids]).toEqual([new Set(['a', 'b']), new Set()])
    expect(none?.at).toBeGreaterThan(both?.at ?? 0)
  })

  it('lose no word of several operators at once', async () => {
    const kids = ['a', 'b', 'c', 'd', 'e', 'f']
    await Promise.all(
      kids.map((kid, i) => stores[i % 2]?.changeDistrusted(all => void all.add(kid))),
    )
    expect([...((await stores[0]?.distrusted())?.kids ?? [])].sort()).toEqual(kids)
  })

  it('say that it is there, once', () => {
    expect(stores.map(({ states, ignored }) => [states, ignored])).toEqual([
      [['up'], []],
      [['up'], []],
    ])
  })
})
