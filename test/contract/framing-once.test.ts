import { describe, expect, test } from 'vitest'
import type { HeaderList } from '../support/raw.ts'
import { reply } from '../support/upstream.ts'
import { stage } from './stage.ts'

const on = stage({ dataSources: { grades: { routes: { 'ANY /health': 'public' } } } })

describe('a request is sent to an upstream once', () => {
  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])(
    '%s is not sent again when the upstream hangs up',
    async method => {
      on.upstream.answer = (_, socket) => void socket.destroy()
      const outcome = await on.outcome({ method, target: '/health' })
      expect(outcome).toEqual({
        status: 502,
        code: 'upstream_unavailable',
        sent: [`${method} /health`],
      })
    },
  )

  test('nor is one whose body has gone out', async () => {
    on.upstream.answer = (_, socket) => void socket.destroy()
    const headers: HeaderList = [['Content-Length', '5']]
    const parts = { method: 'GET', target: '/health', headers, body: 'hello' }
    expect((await on.outcome(parts)).sent).toEqual(['GET /health'])
  })

  test('nor is one that is half answered', async () => {
    on.upstream.answer = (_, socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
      return undefined
    }
    const { seen } = await on.exchange({ target: '/health' }, { settle: 50 })
    expect(seen.length).toBe(1)
  })

  test('an answer of 503 is an answer', async () => {
    on.upstream.answer = () => reply({ status: 503, headers: { 'Retry-After': '1' }, body: 'no' })
    const { answer, seen } = await on.exchange({ target: '/health' })
    expect([answer.status, answer.body, seen.length]).toEqual([503, 'no', 1])
  })
})
