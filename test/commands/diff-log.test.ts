import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cli } from '../support/gateway.ts'
import { CLIENT_ID } from '../support/issuer.ts'
import { type RequestParts, request, sendOne } from '../support/raw.ts'
import { startWorld, type World } from '../support/world.ts'

const OTHER_CLIENT = 'c2bf0a46-6c8b-4a3c-9d4e-3f1d7b1c5a11'
const ROUTES = {
  'GET /courses': { scopes: ['read'] },
  'GET /courses/{id}': { scopes: ['read'], principal: 'user' },
  'GET /admin/**': { scopes: ['admin'], clients: [CLIENT_ID] },
  'GET /me': 'authenticated',
  'GET /health': 'public',
}

let world: World
const directory = mkdtempSync(join(tmpdir(), 'diff-log-'))
beforeAll(async () => {
  world = await startWorld({ dataSources: { grades: { enforce: false, routes: ROUTES } } })
})
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true })
  await world.stop()
})

/** Callers who have what they need, and callers who do not. */
function requests(): RequestParts[] {
  const { issuer } = world
  const lacking = issuer.token({ scope: 'x' })
  const system = issuer.systemToken({ scope: 'read' })
  const other = issuer.systemToken({ client_id: OTHER_CLIENT, sub: OTHER_CLIENT, scope: 'x' })
  const good = issuer.token({ scope: 'read admin' })
  const get = (target: string, token?: string): RequestParts => ({ target, token })
  return [
    ...[get('/courses', good), get('/courses/7', good), get('/admin/a', good), get('/me', good)],
    ...[get('/courses', lacking), get('/courses/7', lacking), get('/admin', lacking)],
    ...[get('/courses', system), get('/courses/7', system), get('/me', system)],
    ...[get('/courses', other), get('/courses/7', other), get('/admin', other)],
    ...[get('/health'), get('/courses'), get('/me', 'a.b.c'), get('/nowhere', good)],
    { method: 'HEAD', target: '/courses/7', token: other },
  ]
}

const statuses = async () => {
  const answers = requests().map(parts => sendOne(world.gateway.port, request(parts)))
  return (await Promise.all(answers)).map(({ status }) => status)
}

test('what diff counts of a log is what happens when the new policy comes into force', async () => {
  const before = await statuses()
  await world.gateway.waitForLog(
    () => world.gateway.logs.filter(isRequest).length === before.length,
  )
  const log = join(directory, 'gateway.log')
  writeFileSync(log, world.gateway.logText)
  const old = join(directory, 'old.yaml')
  const text = readFileSync(world.gateway.policyFile, 'utf8')
  writeFileSync(old, text)
  const next = join(directory, 'new.yaml')
  writeFileSync(next, text.replace('enforce: false', 'enforce: true'))

  const { code, stdout } = await cli(['diff', old, next, '--log', log, '--json'])
  const told = JSON.parse(stdout)

  world.gateway.writePolicy(text.replace('enforce: false', 'enforce: true'))
  world.gateway.signal('SIGHUP')
  await world.gateway.waitForLog(({ msg }) => msg === 'policy reloaded')
  const after = await statuses()
  const refused = after.filter((status, i) => status === 403 && before[i] === 200).length
  const exactly = { least: refused, most: refused }
  expect({ code, refused: told.log.refused, allowed: told.log.allowed }).toEqual({
    code: 1,
    refused: exactly,
    allowed: { least: 0, most: 0 },
  })
  expect(after.filter((status, i) => status !== before[i]).length).toBe(refused)
  expect(told.log.clients).toEqual([
    { clientId: CLIENT_ID, refused: { least: 4, most: 4 }, allowed: { least: 0, most: 0 } },
    { clientId: OTHER_CLIENT, refused: { least: 3, most: 3 }, allowed: { least: 0, most: 0 } },
  ])
})

const isRequest = ({ msg }: { readonly msg?: unknown }) => msg === 'request'
