import { execFileSync } from 'node:child_process'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { tour } from '../../docker/local-stack/commands.ts'
import {
  AUDIENCE,
  BJORN,
  eventually,
  freePorts,
  isListening,
  PATIENT,
  PLANNER,
  type Process,
  portOptions,
  run,
  runStack,
} from './support.ts'

vi.setConfig(PATIENT)

const UUID = /^[0-9a-f-]{36}$/
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/
const MARK = '--- next step ---'

let stack: Process
let ports: readonly number[]

const start = async (): Promise<void> => {
  ports = await freePorts(4)
  stack = runStack(portOptions(ports))
  const ready = await eventually(() => stack.stdout().includes('log follows'))
  if (!ready) throw new Error(`the stack did not start:\n${stack.stdout()}${stack.stderr()}`)
}

const gatewayPid = (): number =>
  Number(execFileSync('pgrep', ['-P', String(stack.child.pid)], { encoding: 'utf8' }))

const allGone = () =>
  eventually(async () => !(await Promise.all(ports.map(isListening))).includes(true))

const end = async (signal: NodeJS.Signals) => {
  stack.child.kill(signal)
  return stack.exited
}

describe('the printed commands', () => {
  let outputs: string[]
  let log: Record<string, unknown>[]

  beforeAll(async () => {
    await start()
    const printed = stack.stdout().split('the step that got it.\n')[1]?.split('\nCtrl-C')[0] ?? ''
    const steps = printed
      .trim()
      .split(/^# \d+\. .*$/m)
      .slice(1)
    const script = steps.map(step => step.trim()).join(`\necho '${MARK}'\n`)
    const pasted = run('bash', ['-c', script], { no_proxy: '*' })
    expect((await pasted.exited).code).toBe(0)
    expect(pasted.stderr()).toBe('')
    outputs = pasted
      .stdout()
      .split(`${MARK}\n`)
      .map(output => output.trim())
    await eventually(() => requests().length >= 6)
    log = requests()
    await end('SIGTERM')
  })

  afterAll(() => void stack.child.kill('SIGKILL'))

  const requests = (): Record<string, unknown>[] =>
    stack
      .stdout()
      .split('\n')
      .slice(0, -1)
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line))
      .filter(line => line.msg === 'request')

  const step = (number: number): string => outputs[number - 1] ?? ''
  const json = (text: string) => JSON.parse(text) as Record<string, unknown>

  test('are those of the tour', () => {
    const urls = {
      gatewayUrl: `http://127.0.0.1:${ports[0]}`,
      feideUrl: `http://127.0.0.1:${ports[2]}`,
    }
    const who = { clientId: PLANNER.id, clientSecret: PLANNER.secret, user: 'bjorn', userId: BJORN }
    const steps = tour({ ...urls, ...who, audience: AUDIENCE })
    for (const { title, command } of steps)
      expect(stack.stdout()).toContain(`. ${title}\n${command}\n`)
    expect(outputs).toHaveLength(steps.length)
  })

  test('1: an opaque token', () => expect(step(1)).toMatch(UUID))

  test('2: a JWT', () => expect(step(2)).toMatch(JWT))

  test('3: the API sees the client and no user', () => {
    expect(json(step(3))).toMatchObject({
      youMustBe: null,
      accessingUsingThisClient: PLANNER.id,
      withTheseSubScopes: ['read'],
      received: {
        'x-dataporten-gatekeeper': 'grades',
        'x-dataporten-clientid': PLANNER.id,
        'x-dataporten-scopes': 'read',
      },
    })
  })

  test('4: the API sees the user, who may also write', () => {
    const [opaque, jwt, me, added] = step(4).split('\n')
    expect(opaque).toMatch(UUID)
    expect(jwt).toMatch(JWT)
    expect(json(me ?? '')).toMatchObject({
      youMustBe: BJORN,
      alsoKnownAs: ['feide:bjorn@example.no'],
      withTheseSubScopes: ['admin', 'append', 'read'],
      name: 'Bjørn Grønås',
    })
    expect(json(added ?? '')).toMatchObject({ youMustBe: BJORN, course: { title: 'Botany' } })
  })

  test('5: a 401 with a challenge', () => {
    expect(step(5)).toMatch(/^HTTP\/1\.1 401 /)
    expect(step(5)).toMatch(/^www-authenticate: Bearer realm="grades"/im)
    expect(step(5)).toContain('"code":"token_missing"')
  })

  test('6: a 403 that names the scope', () => {
    expect(step(6)).toMatch(/^HTTP\/1\.1 403 /)
    expect(step(6)).toMatch(/^www-authenticate: .*error="insufficient_scope".*scope="append"/im)
    expect(step(6)).toContain('"code":"scope_missing"')
  })

  test('7: the forged header is not there', () => {
    const answer = json(step(7))
    expect(answer.youMustBe).toBe(null)
    expect(Object.keys(answer.received as object)).not.toContain('x-dataporten-userid')
    expect(step(7)).not.toContain(BJORN)
  })

  test('each call is in the log of the gateway', () => {
    expect(log.map(({ route, status, decision }) => [route, status, decision])).toEqual([
      [expect.anything(), 200, 'allow'],
      [expect.anything(), 200, 'allow'],
      [expect.anything(), 201, 'allow'],
      [expect.anything(), 401, 'deny'],
      [expect.anything(), 403, 'deny'],
      [expect.anything(), 200, 'allow'],
    ])
  })
})

describe('the end', () => {
  // Whatever a test leaves is its own: the stack, whose end ends the gateway.
  afterEach(() => void stack.child.kill('SIGKILL'))

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s stops everything, status 0',
    async signal => {
      await start()
      expect(await end(signal)).toEqual({ code: 0, signal: null })
      expect(stack.stderr()).toBe('')
      expect(await allGone()).toBe(true)
    },
  )

  test('a second Ctrl-C, as npm passes it on, changes nothing', async () => {
    await start()
    stack.child.kill('SIGINT')
    expect(await end('SIGINT')).toEqual({ code: 0, signal: null })
    expect(await allGone()).toBe(true)
  })

  test('a SIGTERM to npm, which goes no further than its shell, stops everything', async () => {
    ports = await freePorts(4)
    const command = `"${process.execPath}" docker/local-stack/main.ts ${portOptions(ports).join(' ')}`
    // Two commands, so that no shell replaces itself with the last one.
    stack = run('sh', ['-c', `${command}; true`], { npm_lifecycle_event: 'start' })
    expect(await eventually(() => stack.stdout().includes('log follows'))).toBe(true)
    stack.child.kill('SIGTERM')
    expect(await allGone()).toBe(true)
    await stack.exited
  })

  test('a gateway that dies takes the stack with it, and its status', async () => {
    await start()
    process.kill(gatewayPid(), 'SIGKILL')
    expect(await stack.exited).toEqual({ code: 137, signal: null })
    expect(stack.stderr()).toBe('local stack: the gateway ended with status 137\n')
    expect(await allGone()).toBe(true)
  })

  test('a stack that is killed leaves no gateway', async () => {
    await start()
    const pid = gatewayPid()
    await end('SIGKILL')
    const gone = await eventually(() => isGone(pid))
    if (!gone) process.kill(pid, 'SIGKILL')
    expect(gone).toBe(true)
    expect(await allGone()).toBe(true)
  })
})

const isGone = (pid: number): boolean => {
  try {
    return !process.kill(pid, 0)
  } catch {
    return true
  }
}
