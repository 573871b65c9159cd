import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heapLook } from '../support/heap.ts'
import { request, sendOne } from '../support/raw.ts'
import { startWorld, type World } from '../support/world.ts'

/** What programs ask the admin server for, without the page that people open. */

const heap = heapLook()
let world: World
beforeAll(async () => {
  world = await startWorld({}, { env: heap.env })
})
afterAll(async () => {
  await world?.stop()
  heap.remove()
})

const PATHS = ['/healthz', '/readyz', '/metrics', '/status']

test('the page is loaded when somebody opens it, not before', async () => {
  for (const path of PATHS) expect((await world.gateway.admin(path)).status).toBe(200)
  const before = await heap.count(world.gateway)
  expect((await world.gateway.admin('/')).status).toBe(200)
  const after = await heap.count(world.gateway)
  expect([before.has('Hono'), after.has('Hono')]).toEqual([false, true])
}, 60_000)

describe.each(PATHS)('%s', path => {
  test('is answered with its length and its type, whatever the query', async () => {
    const answer = await world.gateway.admin(`${path}?a=b`)
    const text = await answer.text()
    const type = path === '/metrics' ? /^text\/plain/ : /^application\/json$/
    expect(answer.headers.get('content-type')).toMatch(type)
    expect(answer.headers.get('content-length')).toBe(String(Buffer.byteLength(text)))
  })

  test('is answered where its whole address is asked for', async () => {
    const port = world.gateway.adminPort
    const bytes = request({ target: `http://127.0.0.1:${port}${path}` })
    expect((await sendOne(port, bytes)).status).toBe(200)
  })

  test('has a head without the rest', async () => {
    const answer = await world.gateway.admin(path, { method: 'HEAD' })
    expect([answer.status, await answer.text()]).toEqual([200, ''])
  })

  test('takes nothing', async () => {
    const answer = await world.gateway.admin(path, { method: 'POST', body: 'x' })
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { error: 'not found', paths: expect.arrayContaining([...PATHS, '/', '/explain']) },
    ])
  })
})
