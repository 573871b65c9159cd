import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, expect, test } from 'vitest'
import { createLog } from '../../gateway/edge/log.ts'
import { createMetrics } from '../../gateway/edge/metrics.ts'
import { type FollowedFile, followPolicy } from '../../gateway/edge/policy-file.ts'
import { loadPolicy } from '../../gateway/policy/parse.ts'
import { recordingReader } from '../../gateway/policy/snapshot.ts'
import { policy } from '../support/policy.ts'
import { waitUntil } from '../support/redis.ts'

/** A file that changes when it has been read, and before anybody looks whether it changes. */

const directory = mkdtempSync(join(tmpdir(), 'reload-race-'))
const file = join(directory, 'policy.yaml')
let followed: FollowedFile | undefined
afterEach(() => followed?.close())
afterAll(() => rmSync(directory, { recursive: true }))

const text = (path: string, audience = 'grades') =>
  policy({
    issuer: 'http://127.0.0.1:1',
    upstream: 'http://127.0.0.1:2',
    dataSources: { grades: { audience, routes: { [`GET ${path}`]: 'public' } } },
  })

/** Follows a policy that was as it says when it was read; tells the patterns of those that came into force. */
function follow(first: string) {
  writeFileSync(file, first)
  const { read, snapshot } = recordingReader()
  const loaded = loadPolicy(file, {}, read)
  if (!loaded.ok) throw new Error(loaded.faults.join())
  const inForce: string[] = []
  const lines: string[] = []
  const log = createLog(
    { write: line => lines.push(line), flush: async () => {} },
    loaded.policy.log,
  )
  return {
    inForce,
    lines,
    begin: () => {
      followed = followPolicy(loaded.policy, snapshot(file), {
        env: {},
        log,
        metrics: createMetrics(),
        putInForce: ({ routes }) => void inForce.push(routes[0]?.pattern ?? ''),
      })
      return followed
    },
  }
}

test('is read once more, and not again', async () => {
  const { begin, inForce } = follow(text('/first'))
  writeFileSync(file, text('/second'))
  begin()
  await waitUntil(() => inForce.length > 0, 'it was not noticed')
  await sleep(1_500)
  expect(inForce).toEqual(['/second'])
})

test('is left alone where nothing has changed, or is still missing', async () => {
  const { begin, inForce, lines } = follow(text('/first'))
  const { reload } = begin()
  await sleep(1_000)
  expect(inForce).toEqual([])
  writeFileSync(file, text('/second', '$' + '{file:late}'))
  reload()
  await sleep(1_500)
  const failed = lines.filter(line => line.includes('policy reload failed'))
  expect([inForce, failed.length]).toEqual([[], 1])
})

test('counts where the policy includes it, and it was not there', async () => {
  const { begin, inForce } = follow(text('/first'))
  const { reload } = begin()
  writeFileSync(file, text('/second', '$' + '{file:later}'))
  reload()
  writeFileSync(join(directory, 'later'), 'grades\n')
  await waitUntil(() => inForce.length > 0, 'it was not noticed')
  expect(inForce).toEqual(['/second'])
})
