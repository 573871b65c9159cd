import { describe, expect, test } from 'vitest'
import type { KeySetStore } from '../../gateway/token/store.ts'
import { createKeySpaces } from '../../gateway/workers/key-spaces.ts'
import type { StoreCall } from '../../gateway/workers/messages.ts'
import { sharedKeys } from '../../gateway/workers/shared-keys.ts'

const ISSUER = {
  url: 'https://auth.example.no',
  allowHttp: false,
  algorithms: ['RS256' as const],
  clockTolerance: 5_000,
  maxLifetime: 600_000,
}
const KEYS = { fetchedAt: 1_000, document: { keys: [{ kid: 'a' }] } }

/** Workers and the primary process between them, at a time that a test sets. */
function team() {
  const time = { now: 0 }
  const spaces = createKeySpaces(() => time.now)
  const join = (issuer: object = {}) => {
    const worker = {}
    // As over a channel: what comes out is not what went in.
    const call = async (space: string, wanted: StoreCall) =>
      JSON.parse(JSON.stringify(spaces.call(worker, space, wanted) ?? null))
    const store = sharedKeys({ issuer: { ...ISSUER, ...issuer } }, call)
    return { store, die: () => spaces.leave(worker) }
  }
  return { time, join }
}

describe('the key set that workers share', () => {
  test('is what one of them has written', async () => {
    const { join } = team()
    const [a, b] = [join(), join()]
    const before = [await b.store.read(), await b.store.stamp()]
    await a.store.write(KEYS, 30_000)
    expect(before).toEqual([undefined, '0'])
    expect([await b.store.read(), await b.store.stamp()]).toEqual([KEYS, '1'])
  })
  test.for([
    { url: 'https://other.example.no' },
    { jwksUri: 'https://auth.example.no/keys' },
    { allowHttp: true },
  ])('is another one where it is fetched from elsewhere: %j', async other => {
    const { join } = team()
    await join().store.write(KEYS, 30_000)
    expect(await join(other).store.read()).toBeUndefined()
    expect((await join().store.read())?.fetchedAt).toBe(KEYS.fetchedAt)
  })
  test('is fetched by one at a time, until it gives the word or takes too long', async () => {
    const { time, join } = team()
    const [a, b] = [join(), join()]
    const claims = [await a.store.lease(), await b.store.lease()]
    await b.store.release(0)
    claims.push(await b.store.lease())
    await a.store.release(0)
    claims.push(await b.store.lease())
    time.now += 6_001
    claims.push(await a.store.lease())
    expect(claims).toEqual([true, false, false, true, true])
  })
  test('is left alone for a while after a fetch that failed', async () => {
    const { time, join } = team()
    const [a, b] = [join(), join()]
    await a.store.lease()
    await a.store.release(1_000)
    const during = await b.store.lease()
    time.now += 1_001
    expect([during, await b.store.lease()]).toEqual([false, true])
  })
  test('is fetched by the next one at once when the one that was to has died', async () => {
    const { join } = team()
    const [a, b] = [join(), join()]
    await a.store.lease()
    b.die()
    const before = await b.store.lease()
    a.die()
    expect([before, await b.store.lease()]).toEqual([false, true])
  })
  test('is asked for on account of unknown key ids once per cooldown', async () => {
    const { time, join } = team()
    const [a, b] = [join(), join()]
    const claims = [await a.store.claimCooldown(30_000), await b.store.claimCooldown(30_000)]
    time.now += 30_001
    claims.push(await b.store.claimCooldown(30_000))
    time.now += 30_001
    await a.store.write(KEYS, 30_000)
    claims.push(await b.store.claimCooldown(30_000))
    expect(claims).toEqual([true, false, true, false])
  })
  test('costs no memory for issuers of policies of long ago', async () => {
    const { join } = team()
    const first = join({ url: 'https://issuer-0.example.no' })
    await first.store.write(KEYS, 30_000)
    for (let issuer = 1; issuer <= 10; issuer++) {
      await join({ url: `https://issuer-${issuer}.example.no` }).store.write(KEYS, 30_000)
    }
    expect(await first.store.read()).toBeUndefined()
  })
})

test('a worker that hears nothing from the first process goes on alone', async () => {
  const store: KeySetStore = sharedKeys({ issuer: ISSUER }, async () => undefined)
  await store.write(KEYS, 30_000)
  await store.release(0)
  expect([
    await store.read(),
    await store.lease(),
    await store.claimCooldown(30_000),
    await store.stamp(),
    await store.distrusted(),
  ]).toEqual([undefined, true, true, undefined, undefined])
})
