import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { AUDIENCE, rsaKey } from '../support/issuer.ts'
import { type Answer, request, sendOne } from '../support/raw.ts'
import { waitUntil } from '../support/redis.ts'
import { startWorld, type World } from '../support/world.ts'
import { KID, type Pair, type VerifierStage, verifierStage } from './verifier-stage.ts'

const FIRST = rsaKey(KID)

describe('a token is verified once at a time for a data source', () => {
  let on: VerifierStage
  beforeEach(async () => {
    on = await verifierStage(FIRST)
  })
  /** Holds every search for a key up until it is called. */
  const hold = () => {
    let free = () => {}
    on.findAfter(
      new Promise<void>(resolve => {
        free = resolve
      }),
    )
    return () => {
      on.findAfter(undefined)
      free()
    }
  }

  test('requests that come meanwhile get the same outcome', async () => {
    const free = hold()
    const token = on.token()
    const outcomes = [1, 2, 3].map(() => on.verifyToken(token, on.grades))
    expect(on.looked()).toBe(1)
    free()
    const [first, ...others] = await Promise.all(outcomes)
    expect(others).toEqual([first, first])
    expect([on.recallToken(token.text, on.grades), on.looked()]).toEqual([first, 1])
  })
  test('a refusal too, and it is not kept', async () => {
    const free = hold()
    const token = on.token({}, rsaKey(KID))
    const verdicts = [1, 2, 3].map(() => on.verdict(token))
    free()
    expect(await Promise.all(verdicts)).toEqual(Array(3).fill('token_signature'))
    expect([on.isKnown(token), on.looked()]).toEqual([false, 1])
    expect([await on.verdict(token), on.looked()]).toEqual(['token_signature', 2])
  })
  test('another token, and another data source, wait for their own', async () => {
    const free = hold()
    const both = on.token({ aud: ['grades', 'exams'] })
    const verdicts = [
      on.verdict(both, on.grades),
      on.verdict(both, on.exams),
      on.verdict(on.token({ jti: 'other' }), on.grades),
      on.verdict(on.token({ jti: 'another' }), on.exams),
    ]
    expect(on.looked()).toBe(3)
    free()
    expect(await Promise.all(verdicts)).toEqual(['grades', 'exams', 'grades', 'token_audience'])
  })
  test('what has ended is over: the next one is verified anew where nothing is remembered', async () => {
    const free = hold()
    const token = on.token({ exp: on.now() + 60 })
    const early = on.verdict(token)
    free()
    expect(await early).toBe('grades')
    on.setClock(3_600)
    expect(await on.verdict(token)).toBe('token_expired')
  })
})

describe('signatures are checked a few in each turn of the event loop', () => {
  /**
   * How many of twenty tokens have been verified at once, and after each turn.
   *
   * @param besides what happens before each of the turns: a known token comes, or time passes
   */
  async function turnsOf(
    key: Pair,
    besides: readonly ('known' | 'soon' | 'late')[] = [],
  ): Promise<number[]> {
    const on = await verifierStage(FIRST, 100)
    const known = on.token({ jti: 'known' })
    await on.verdict(known)
    await new Promise(setImmediate)
    let done = 0
    for (let i = 0; i < 20; i++) {
      const outcome = on.verifyToken(on.token({ jti: String(i) }, key), on.grades)
      if (outcome instanceof Promise) void outcome.then(() => ++done)
      else done += 1
    }
    const turns = [done]
    while (done < 20) {
      const beside = besides[turns.length - 1]
      if (beside === 'known') expect(on.isKnown(known)).toBe(true)
      if (beside === 'soon') on.setClock(0.05)
      if (beside === 'late') on.setClock(1)
      await new Promise(setImmediate)
      turns.push(done)
    }
    return turns
  }

  test('sixteen while nobody else waits', async () => {
    expect(await turnsOf(rsaKey(KID))).toEqual([16, 20])
  })
  test('one when they were bad, and others come', async () => {
    const besides = ['known', 'known', 'known', 'known'] as const
    expect(await turnsOf(rsaKey(KID), besides)).toEqual([16, 17, 18, 19, 20])
  })
  test('one also in the turns in which none of the others comes', async () => {
    expect(await turnsOf(rsaKey(KID), ['known', 'soon'])).toEqual([16, 17, 18, 19, 20])
  })
  test('sixteen again when the others have stayed away', async () => {
    expect(await turnsOf(rsaKey(KID), ['known', 'late'])).toEqual([16, 17, 20])
  })
  test('sixteen all the same when they are good', async () => {
    expect(await turnsOf(FIRST, ['known'])).toEqual([16, 20])
  })
})

describe('over a real gateway', () => {
  let world: World
  const routes = { 'GET /me': 'authenticated' }
  beforeAll(async () => {
    world = await startWorld({
      keys: { refresh: '1s' },
      dataSources: {
        grades: { hosts: ['grades.test'], routes },
        exams: { audience: 'exams', hosts: ['exams.test'], routes, upstream: 'http://127.0.0.1:9' },
      },
    })
  })
  afterAll(() => world?.stop())
  const ask = (host: string, token: string): Promise<Answer> =>
    sendOne(world.gateway.port, request({ host, target: '/me', token }))
  const said = async (host: string, token: string) => {
    const { status, body } = await ask(host, token)
    return status === 200 ? 'served' : String(JSON.parse(body).code)
  }

  test('a token that one data source has accepted is refused by another one', async () => {
    const token = world.issuer.token({ aud: AUDIENCE })
    const verdicts: string[] = []
    for (const host of ['exams.test', 'grades.test', 'exams.test', 'grades.test', 'exams.test']) {
      verdicts.push(await said(host, token))
    }
    const [bad, good] = ['token_audience', 'served']
    expect(verdicts).toEqual([bad, good, bad, good, bad])
  })
  test('a token that was accepted is refused once its key is another one under the same id', async () => {
    const { issuer } = world
    const token = issuer.token()
    expect(await said('grades.test', token)).toBe('served')
    issuer.keys = []
    issuer.rotate(issuer.kid ?? '')
    let last = ''
    await waitUntil(
      async () => {
        last = await said('grades.test', token)
        return last !== 'served'
      },
      'still served',
      15_000,
    )
    expect(last).toBe('token_signature')
    expect(await said('grades.test', issuer.token())).toBe('served')
  })
})
