import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { headerOf, reply } from '../support/upstream.ts'
import { ask, openSession, tlsWorld } from './support.ts'

const world = tlsWorld({
  dataSources: {
    grades: { routes: { 'GET /me/{n}': 'authenticated', 'POST /me/{n}': 'authenticated' } },
  },
})

test('200 streams at once, some with bodies: each has its own identity and its own answer', async () => {
  const { gateway, issuer, upstream } = world()
  // Late, and not in order.
  upstream.answer = async request => {
    await sleep(Math.random() * 100)
    const [user = ''] = headerOf(request, 'x-dataporten-userid')
    const [client = ''] = headerOf(request, 'x-dataporten-clientid')
    return reply({ body: `${request.target} ${user} ${client} ${request.body}` })
  }
  const sessions = [openSession(gateway.port), openSession(gateway.port)]
  const callers = Array.from({ length: 200 }, (_, n) => {
    const sub = randomUUID()
    const client = randomUUID()
    const isSystem = n % 5 === 0
    const token = issuer.token({ sub: isSystem ? client : sub, client_id: client })
    const method = n % 3 === 0 ? 'POST' : 'GET'
    const body = method === 'POST' ? `body ${n}` : ''
    const expected = `/me/${n} ${isSystem ? '' : sub} ${client} ${body}`
    return { parts: { method, path: `/me/${n}`, token, body }, expected, session: sessions[n % 2] }
  })
  const answers = await Promise.all(
    callers.map(({ parts, session }) => ask('HTTP/2', gateway.port, parts, session)),
  )
  expect(answers.map(({ body }) => String(body))).toEqual(callers.map(one => one.expected))
  expect(upstream.requests.length).toBe(200)
  for (const session of sessions) session.close()
})
