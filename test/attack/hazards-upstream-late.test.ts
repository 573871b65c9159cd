import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { RequestParts } from '../support/raw.ts'
import { answerTo, answerToUpgrade, isGivenUp, OVER, type Says, SERVED } from './hazards-answer.ts'
import { hazardStage } from './hazards-stage.ts'

/** Upstreams that take longer than they may. */

const slow = hazardStage({ timeout: '500ms', idleTimeout: '500ms' })
const OK = 'HTTP/1.1 200 OK\r\n'
const LENGTH = 'Content-Length: 5\r\n\r\n'
const CHUNKS = 'Transfer-Encoding: chunked\r\n\r\n'
const POST: RequestParts = { method: 'POST', headers: [['Content-Length', '5']], body: 'hello' }
describe('an upstream that takes longer than it may', () => {
  const every = (first: string, piece: string) => async (socket: Socket) => {
    socket.write(first)
    for (let count = 0; count < 200 && !socket.destroyed; count++) {
      await sleep(50)
      socket.write(piece)
    }
  }
  const LATE: [string, Says, RequestParts][] = [
    ['that says nothing', () => {}, {}],
    ['that says nothing to a POST', () => {}, POST],
    ['that says half a head', `${OK}X-A: `, {}],
    ['that never ends a field', every(`${OK}X-A: `, 'a'), {}],
    ['that never ends its head', every(OK, 'X-A: b\r\n'), {}],
    ['that never ends its head for a POST', every(OK, 'X-A: b\r\n'), POST],
    ['that hints once', 'HTTP/1.1 103 Early Hints\r\n\r\n', {}],
  ]
  const TIMED_OUT = ['504 upstream_timeout', 1, SERVED]

  test.each(LATE)('%s is too late', async (_, says, parts) => {
    const { answer, sent, others } = await answerTo(slow, says, parts)
    expect([answer, sent, others, await isGivenUp(slow)]).toEqual([...TIMED_OUT, true])
  })

  const hints = every('', 'HTTP/1.1 103 Early Hints\r\n\r\n')
  test('that hints for ever, to a POST is too late', async () => {
    const { answer, sent, others } = await answerTo(slow, hints, POST)
    expect([answer, sent, others]).toEqual(TIMED_OUT)
  })
  test('that hints for ever, to a GET is too late', async () => {
    const { answer, sent, others } = await answerTo(slow, hints)
    expect([answer, sent, others]).toEqual(TIMED_OUT)
  })
  test('that hints for ever, to an upgrade is too late', async () => {
    expect((await answerToUpgrade(slow, hints)).answer).toBe('504 upstream_timeout')
  })

  test.each([
    ['behind its head', `${OK}${LENGTH}`],
    ['in its body', `${OK}${LENGTH}only`],
    ['between chunks', `${OK}${CHUNKS}4\r\nonly\r\n`],
    ['before its last chunk', `${OK}${CHUNKS}4\r\nonly\r\n0\r\n`],
  ])('and falls silent %s is noticed', async (_, text) => {
    const { answer, sent, others } = await answerTo(slow, text)
    expect([answer, sent, others, await isGivenUp(slow)]).toEqual(['cut', 1, OVER, true])
  })
})
