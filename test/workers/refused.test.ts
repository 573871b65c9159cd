import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Refusal } from '../../gateway/edge/refusals.ts'
import { batchRefusals } from '../../gateway/workers/refused.ts'
import { waitUntil } from '../support/redis.ts'

const refusal = (requestId: string): Refusal => ({
  at: 0,
  requestId,
  method: 'GET',
  status: 401,
  code: 'token_missing',
  detail: '',
})

/** A channel that takes as long as it is told. */
function channel() {
  const sent: string[][] = []
  const gone: (() => void)[] = []
  const send = (refusals: readonly Refusal[]) => {
    sent.push(refusals.map(({ requestId }) => requestId))
    return new Promise<void>(resolve => gone.push(resolve))
  }
  return { sent, send, letGo: () => gone.shift()?.() }
}

test('refusals of a moment are sent together', async () => {
  const { sent, send } = channel()
  const note = batchRefusals(send)
  for (const id of ['a', 'b', 'c']) note(refusal(id))
  expect(sent).toEqual([])
  await waitUntil(async () => sent.length > 0, 'nothing was sent')
  expect(sent).toEqual([['a', 'b', 'c']])
})

test('what comes while a batch is on its way waits for it, and is sent then', async () => {
  const { sent, send, letGo } = channel()
  const note = batchRefusals(send)
  note(refusal('first'))
  await waitUntil(async () => sent.length === 1, 'nothing was sent')
  note(refusal('second'))
  await sleep(700)
  expect(sent).toEqual([['first']])
  letGo()
  await waitUntil(async () => sent.length === 2, 'the second one was not sent')
  expect(sent[1]).toEqual(['second'])
  letGo()
  note(refusal('third'))
  await waitUntil(async () => sent.length === 3, 'the third one was not sent')
})

test('a flood is sent as the last hundred', async () => {
  const { sent, send } = channel()
  const note = batchRefusals(send)
  for (let i = 0; i < 1_000; i++) note(refusal(String(i)))
  await waitUntil(async () => sent.length > 0, 'nothing was sent')
  expect(sent[0]).toEqual(Array.from({ length: 100 }, (_, i) => String(900 + i)))
})
