import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { request, send } from '../support/raw.ts'
import { told } from './hazards-play.ts'
import { hazardStage, tellBack } from './hazards-stage.ts'

/** What stands behind a request whose answer closes the connection (RFC 9112 §9.6). */

const on = hazardStage()
const FIRST = request({ target: '/open/first' }).toString('latin1')
const BEHIND = request({ target: '/open/behind' }).toString('latin1')
const HOST = 'Host: gateway.test\r\n'
const get = (fields: string) => `GET /open/a HTTP/1.1\r\n${HOST}${fields}\r\n`
const post = (target: string, fields: string, body: string) =>
  `POST ${target} HTTP/1.1\r\n${HOST}${fields}\r\n${body}`

/** Whole requests that are refused, and their connections closed. */
const REFUSED: [string, string][] = [
  ['two Hosts', get('Host: b\r\n')],
  ['a malformed Host', 'GET /open/a HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['two tokens', get('Authorization: Bearer a\r\nAuthorization: Bearer b\r\n')],
  ['another coding', post('/open/a', 'Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n')],
  ['a refused Expect', post('/me', 'Expect: 100-continue\r\nContent-Length: 5\r\n', 'hello')],
]

/**
 * How many requests behind a refused one reached the upstream, of so many callers at once that the
 * gateway is busy: its answer is still on its way while it reads on.
 */
async function servedOfACrowd(bytes: string): Promise<number> {
  on.upstream.reset()
  on.upstream.answer = tellBack
  await Promise.all(
    Array.from({ length: 150 }, async () => {
      const socket = connect(on.gateway.port, '127.0.0.1')
      socket.on('error', () => {}).resume()
      socket.write(bytes)
      await new Promise(resolve => socket.once('close', resolve))
    }),
  )
  await sleep(50)
  return on.upstream.requests.filter(({ target }) => target === '/open/behind').length
}

describe('a busy gateway serves nothing behind a refusal that closes', () => {
  test.each(REFUSED)('%s', async (_, refused) => {
    let served = 0
    for (let round = 0; round < 3 && served === 0; round++) {
      served += await servedOfACrowd(FIRST + refused + BEHIND)
      served += await servedOfACrowd(refused + BEHIND)
    }
    expect(served).toBe(0)
  })
})

test('what is no request behind the body of a refused one is answered', async () => {
  const bytes = `${post('/me', 'Content-Length: 5\r\n', 'hello')}garbage\r\n\r\n`
  const answers = await send(on.gateway.port, bytes, { answers: 2, timeout: 2000 })
  expect(answers.map(told)).toEqual(['401 token_missing', '400 request_malformed'])
})
