import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { meterBody } from '../../gateway/upstream/body.ts'

/** Milliseconds. */
const IDLE = 2_000

test('the time that an upstream takes to read is not taken from the caller', async () => {
  const incoming = Object.assign(new PassThrough(), { complete: false })
  const limits = { maxBody: 100, bodyIdle: IDLE, requestTimeout: 60_000, upstreamIdle: 60_000 }
  const events: string[] = []
  const body = meterBody(incoming, undefined, limits, ({ denied }) => void events.push(denied))
  body.start({
    // Full with every chunk.
    write: chunk => events.push(String(chunk)) < 0,
    end: () => void events.push('end'),
    breakOff: ({ message }) => void events.push(message),
  })
  incoming.write('one')
  await sleep(IDLE * 0.6)
  body.drained()
  await sleep(IDLE * 0.6)
  incoming.write('two')
  await sleep(10)
  body.drained()
  incoming.complete = true
  incoming.end()
  await sleep(10)
  expect(events).toEqual(['one', 'two', 'end'])
})
