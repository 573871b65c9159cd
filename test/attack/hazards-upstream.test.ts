import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { chunked, type HeaderList, request, send } from '../support/raw.ts'
import {
  answerTo,
  type Given,
  inCrumbs,
  isGivenUp,
  OVER,
  type Says,
  SERVED,
} from './hazards-answer.ts'
import { CHUNKS, CUT, END, LENGTH, OK, PASSED, POISON, REFUSED } from './hazards-bad-answers.ts'
import { hazardStage } from './hazards-stage.ts'

/** Upstreams that answer badly: what their caller gets, and that it is nobody else's matter. */

const on = hazardStage()
/** In one segment, and byte by byte. */
const WAYS: [string, (text: string) => Says][] = [
  ['at once', text => text],
  ['byte by byte', inCrumbs],
]

describe.each(REFUSED)('an answer with %s is a fault of the upstream', (_, text) => {
  test.each(WAYS)('%s', async (_way, say) => {
    const given = await answerTo(on, say(text))
    expect({ ...given, givenUp: await isGivenUp(on) }).toEqual({
      answer: '502 upstream_unavailable',
      headers: [],
      body: '',
      sent: 1,
      others: SERVED,
      givenUp: true,
    })
  })
})

describe.each(PASSED)(
  'an answer with %s is passed on, and no more than that',
  (_, text, passed) => {
    test.each(WAYS)('%s', async (_way, say) => {
      const given = await answerTo(on, say(text))
      const usual = { answer: '200', headers: LENGTH, body: 'ok' }
      expect(given).toEqual({ ...usual, ...passed, sent: 1, others: SERVED } satisfies Given)
    })
  },
)

const bodiless = (status: string, fields: string) => `HTTP/1.1 ${status}\r\n${fields}\r\n`
const poisoned = `Content-Length: ${POISON.length}\r\n`
const CODED = 'Transfer-Encoding: chunked\r\n'
const BEHIND: [string, string, string, string][] = [
  ['another answer', 'GET', `${OK}${END}${POISON}`, '200 ok'],
  ['another answer behind chunks', 'POST', `${CHUNKS}${chunked('ok')}${POISON}`, '200 ok'],
  ['another answer behind empty lines', 'GET', `${OK}${END}\r\n\r\n${POISON}`, '200 ok'],
  ['a hint', 'GET', `${OK}${END}HTTP/1.1 103 Early Hints\r\n\r\n`, '200 ok'],
  ['garbage', 'POST', `${OK}${END}garbage`, '200 ok'],
  ['a body of a HEAD', 'HEAD', `${OK}${poisoned}\r\n${POISON}`, '200 '],
  ['a chunked body of a HEAD', 'HEAD', `${CHUNKS}${chunked(POISON)}`, '200 '],
  ['a body of a 204', 'GET', bodiless('204 None', poisoned) + POISON, '204 '],
  ['a chunked body of a 204', 'POST', bodiless('204 None', CODED) + chunked(POISON), '204 '],
  ['a body of a 304', 'GET', bodiless('304 Same', poisoned) + POISON, '304 '],
  ['a chunked body of a 304', 'GET', bodiless('304 Same', CODED) + chunked(POISON), '304 '],
  ['a body of a 204 without a length', 'GET', bodiless('204 None', '') + POISON, '204 '],
]

test.each(BEHIND)(
  '%s that follows the answer is nobody’s answer',
  async (_, method, text, answer) => {
    const headers: HeaderList = method === 'POST' ? [['Content-Length', '5']] : []
    const body = method === 'POST' ? 'hello' : ''
    const given = await answerTo(on, text, { method, headers, body })
    expect({
      answer: `${given.answer} ${given.body}`,
      sent: given.sent,
      others: given.others,
      givenUp: await isGivenUp(on),
    }).toEqual({ answer, sent: 1, others: SERVED, givenUp: true })
  },
)

test.each(CUT)('a body with %s does not end cleanly', async (_, says) => {
  const given = await answerTo(on, says)
  expect({ ...given, givenUp: await isGivenUp(on) }).toEqual({
    answer: 'cut',
    headers: [],
    body: '',
    sent: 1,
    others: OVER,
    givenUp: true,
  })
})

// RFC 9110 §8.6: a 204 has no Content-Length; who believes one waits for a body, or takes the next answer for it.
test('the length of a 204 is not passed on', async () => {
  const { headers } = await answerTo(on, bodiless('204 None', 'Content-Length: 5\r\n'))
  expect(headers).toEqual([])
})

test('a reason that comes in pieces is passed on whole', async () => {
  on.upstream.reset()
  on.upstream.answer = async (_, socket) => {
    socket.setNoDelay(true).write('HTTP/1.1 200 Very ')
    await sleep(50)
    return `Well Done\r\n${END}`
  }
  const reasons: unknown[] = []
  for (let count = 0; count < 5; count++) {
    const [answer] = await send(on.gateway.port, request({ target: '/open/a' }))
    reasons.push(answer?.reason)
  }
  expect(reasons).toEqual(Array(5).fill('Very Well Done'))
})
