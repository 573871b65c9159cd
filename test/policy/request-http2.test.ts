import { expect, test } from 'vitest'
import { readMessage } from '../../gateway/policy/message.ts'

const LIMITS = { headerCount: 100, headerSize: 32_768 }
const message = (headers: readonly string[], bodyFollows: boolean) =>
  readMessage(
    {
      method: 'POST',
      target: '/a',
      httpVersion: 'h2',
      headers: ['host', 'a.test', ...headers],
      bodyFollows,
      peer: '127.0.0.1',
      encrypted: true,
    },
    LIMITS,
  )

test.each([
  ['nothing follows', [], false, { kind: 'none' }],
  ['something follows', [], true, { kind: 'chunked' }],
  ['a length is said', ['content-length', '5'], true, { kind: 'length', bytes: 5 }],
  ['a length of zero is said', ['content-length', '0'], true, { kind: 'none' }],
] as const)('the body of an HTTP/2 request where %s', (_, headers, follows, body) => {
  expect(message(headers, follows)).toMatchObject({ body })
})

// nghttp2 resets such a stream before; the framing must not depend on that.
test.each([
  ['transfer-encoding', 'chunked'],
  ['connection', 'x-dataporten-userid'],
])('%s has no place in HTTP/2', (name, value) => {
  expect(message([name, value], true)).toMatchObject({ denied: 'request_malformed' })
})
