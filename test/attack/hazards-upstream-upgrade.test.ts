import { describe, expect, test } from 'vitest'
import type { HeaderList } from '../support/raw.ts'
import { answerToUpgrade, isGivenUp } from './hazards-answer.ts'
import {
  CUT,
  LENGTH,
  PASSED,
  POISON,
  REFUSED,
  SET_COOKIES,
  written,
} from './hazards-bad-answers.ts'
import { hazardStage } from './hazards-stage.ts'

/** Upstreams that answer an upgrade badly. */

const on = hazardStage()

/** What an upgrade may be answered with is another list: 101 is what was asked for. */
const ASKED = /^101 unasked$/

describe('an answer to an upgrade', () => {
  test.each(REFUSED.filter(([name]) => !ASKED.test(name)))(
    'with %s is a fault of the upstream',
    async (_, text) => {
      const given = await answerToUpgrade(on, text)
      expect({ ...given, givenUp: await isGivenUp(on) }).toEqual({
        answer: '502 upstream_unavailable',
        headers: [],
        body: '',
        sent: 1,
        closed: true,
        tunnel: '',
        givenUp: true,
      })
    },
  )

  const LARGE = /^(?:3,000 fields|a large field)$/
  test.each(PASSED.filter(([name]) => !LARGE.test(name)))(
    'with %s is passed on, and no more than that',
    async (_, text, passed) => {
      const given = await answerToUpgrade(on, text)
      const usual = { answer: '200', headers: LENGTH, body: 'ok' }
      expect(given).toEqual({ ...usual, ...passed, sent: 1, closed: true, tunnel: '' })
    },
  )

  test.each(CUT)('with %s does not end cleanly', async (_, says) => {
    const given = await answerToUpgrade(on, says)
    expect(given).toEqual({
      answer: 'cut',
      headers: [],
      body: '',
      sent: 1,
      closed: true,
      tunnel: '',
    })
  })

  const TAKEN_UP: HeaderList = [['Upgrade', 'websocket'], ...SET_COOKIES]

  test('that takes it up is passed on with its fields in order, and then nothing is HTTP', async () => {
    const fields =
      'Upgrade: websocket\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\nX-Request-Id: b\r\n'
    const head = `HTTP/1.1 101 Go\r\n${fields}${written(SET_COOKIES)}Content-Length: 5\r\n\r\n`
    const given = await answerToUpgrade(on, `${head}${POISON}`)
    expect(given).toEqual({
      answer: '101',
      headers: TAKEN_UP,
      body: '',
      sent: 1,
      closed: false,
      tunnel: POISON,
    })
  })
})
