import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { identityOf, stage } from '../contract/stage.ts'
import { CLIENT_ID } from '../support/issuer.ts'
import { type Answer, request, send } from '../support/raw.ts'
import { reply } from '../support/upstream.ts'
import { keepConnection } from './connection.ts'

const CALLERS = 40
const ROUNDS = 60
const on = stage({
  dataSources: { grades: { routes: { 'GET /me': 'authenticated', 'GET /health': 'public' } } },
})

/** Answers out of order, with the identity that the upstream saw. */
function answerWithIdentity(): void {
  on.upstream.answer = async seen => {
    if (Math.random() < 0.2) await sleep(Math.random() * 5)
    return reply({ body: JSON.stringify(Object.fromEntries(identityOf(seen))) })
  }
}

type Caller = { readonly target: string; readonly token?: string; readonly userId?: string }

/** Users, systems and nobody, in turn; every user is another one. */
function callerOf(index: number): Caller {
  if (index % 4 === 1) return { target: '/me', token: on.issuer.systemToken() }
  if (index % 4 === 2) return { target: '/health' }
  const userId = randomUUID()
  return { target: '/me', token: on.issuer.token({ sub: userId }), userId }
}

const seenBy = (answer: Answer | undefined) => {
  const identity = JSON.parse(answer?.body ?? '{}')
  return [identity['X-Dataporten-userid'], identity['X-Dataporten-clientid']]
}
const wanted = ({ token, userId }: Caller) => [userId, token && CLIENT_ID]

describe('of many callers at once each is told apart from the others', () => {
  test('on connections that they keep', async () => {
    answerWithIdentity()
    const mistakes: unknown[] = []
    await Promise.all(
      Array.from({ length: CALLERS }, async (_, index) => {
        const connection = keepConnection(() => on.gateway.port)
        for (let round = 0; round < ROUNDS; round += 1) {
          const caller = callerOf(index + round)
          const seen = seenBy(await connection.ask(request(caller)))
          if (String(seen) !== String(wanted(caller))) mistakes.push({ seen, caller })
        }
        connection.close()
      }),
    )
    expect(mistakes).toEqual([])
  }, 60_000)

  test('on one connection, without waiting', async () => {
    answerWithIdentity()
    const callers = Array.from({ length: 100 }, (_, index) => callerOf(index))
    const bytes = Buffer.concat(callers.map(caller => request(caller)))
    const answers = await send(on.gateway.port, bytes, { answers: callers.length, timeout: 15_000 })
    expect(answers.map(seenBy)).toEqual(callers.map(wanted))
  })

  test('on connections that are cut in the middle', async () => {
    answerWithIdentity()
    const caller = callerOf(0)
    for (let round = 0; round < 100; round += 1) {
      const connection = keepConnection(() => on.gateway.port)
      void connection.ask(request(callerOf(round))).catch(() => {})
      await sleep(Math.random() * 4)
      connection.close()
      if (round % 10 > 0) continue
      const [answer] = await send(on.gateway.port, request(caller), { settle: 0 })
      expect(seenBy(answer)).toEqual(wanted(caller))
    }
  })
})
