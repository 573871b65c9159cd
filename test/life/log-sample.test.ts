import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isSampled } from '../../gateway/edge/sample.ts'
import type { RequestParts } from '../support/raw.ts'
import { startWorld, type World } from '../support/world.ts'
import { count } from './support.ts'
import { untilServing } from './workers.ts'

const FRACTION = 0.3
const IDS = Array.from({ length: 60 }, (_, i) => `one-${i}`)
const IN_SAMPLE = IDS.filter(id => isSampled(id, FRACTION))
/** An id whose line would be left out if its request went well. */
const [LEFT_OUT = ''] = IDS.filter(id => !isSampled(id, FRACTION))

const SERVER_ERROR = 'HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n'

describe.each([1, 2])('log.sample with workers: %i', workers => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({ workers, log: { sample: FRACTION } })
    if (workers > 1) await untilServing(world.gateway, workers)
  })
  afterAll(() => world.stop())

  const ask = (requestId: string, parts: RequestParts = {}) =>
    world.ask({ target: '/health', ...parts, headers: { 'X-Request-Id': requestId } })
  const linesOf = (ids: readonly string[]) =>
    world.gateway.logs.filter(({ requestId }) => ids.includes(String(requestId)))
  const lineOf = (requestId: string) =>
    world.gateway.waitForLog(line => line.requestId === requestId)

  test('writes the lines of that part of the allowed requests, says so, and counts them all', async () => {
    for (const id of IDS) await ask(id)
    await ask('refused', { target: '/nothing' })
    await lineOf('refused')
    await world.gateway.waitForLog(() => linesOf(IDS).length >= IN_SAMPLE.length)
    const lines = linesOf(IDS)
    expect(lines.map(({ requestId }) => requestId).sort()).toEqual([...IN_SAMPLE].sort())
    expect(lines.filter(({ sample }) => sample !== FRACTION)).toEqual([])
    const allowed = { decision: 'allow', status: '200' }
    expect(await count(world.gateway, 'feide_gateway_requests_total', allowed)).toBe(IDS.length)
  })

  test('writes every refusal, which stands for itself alone', async () => {
    await ask(LEFT_OUT, { target: '/courses' })
    expect(await lineOf(LEFT_OUT)).toMatchObject({ status: 401, code: 'token_missing' })
    expect(await lineOf(LEFT_OUT)).not.toHaveProperty('sample')
  })

  test('writes every failure of an API', async () => {
    world.upstream.answer = () => SERVER_ERROR
    await ask(LEFT_OUT)
    world.upstream.reset()
    const line = await world.gateway.waitForLog(
      ({ requestId, status }) => requestId === LEFT_OUT && status === 500,
    )
    expect(line).toMatchObject({ decision: 'allow', level: 'info' })
    expect(line).not.toHaveProperty('sample')
  })

  test('writes every request whose caller left', async () => {
    world.upstream.answer = () => {}
    const headers = { 'X-Request-Id': LEFT_OUT }
    const signal = AbortSignal.timeout(300)
    await expect(world.gateway.fetch('/health', { headers, signal })).rejects.toThrow()
    const line = await world.gateway.waitForLog(
      ({ requestId, aborted }) => requestId === LEFT_OUT && aborted === true,
    )
    world.upstream.reset()
    expect(line).toMatchObject({ status: 499, decision: 'allow' })
    expect(line).not.toHaveProperty('sample')
  })
})
