import { rmSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { writeTemporary } from '../../support/gateway.ts'
import {
  eventually,
  freePorts,
  isListening,
  PATIENT,
  portOptions,
  post,
  runStack,
} from '../support.ts'
import { SOUND } from './register-sound.ts'

vi.setConfig(PATIENT)

/** `npm start` with another file; everything is gone when `use` is done. */
const withFile = async (
  text: string,
  use: (stack: ReturnType<typeof runStack>, ports: readonly number[]) => Promise<void>,
): Promise<void> => {
  const { directory, file } = writeTemporary(text)
  const ports = await freePorts(4)
  const stack = runStack([...portOptions(ports), `--feide-yaml=${file}`])
  try {
    await use(stack, ports)
  } finally {
    stack.child.kill('SIGTERM')
    await stack.exited
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The exit status; a stack that goes on running has none. */
const endOf = async (stack: ReturnType<typeof runStack>): Promise<number | null> => {
  await eventually(() => stack.child.exitCode !== null)
  return stack.child.exitCode
}

test('a faulty file starts nothing, and is told why', () =>
  withFile(SOUND.replace('name: Bjørn', 'name: []'), async (stack, ports) => {
    expect([await endOf(stack), stack.stdout()]).toEqual([1, ''])
    expect(stack.stderr()).toMatch(
      /^local stack: \S+policy\.yaml:17:11: users\.bjorn\.name: expected a name, got \[\]\n$/,
    )
    expect(await Promise.all(ports.map(isListening))).toEqual([false, false, false, false])
  }))

test('a file without a client for the tour starts nothing either', () =>
  withFile(SOUND.replace('    secret: secret-of-planner\n', ''), async stack => {
    expect(await endOf(stack)).toBe(1)
    expect(stack.stderr()).toBe(
      'local stack: feide.yaml needs a client with a secret, a user and an API\n',
    )
  }))

test('a sound file takes the place of the demo', () =>
  withFile(SOUND, async (stack, ports) => {
    expect(await eventually(() => stack.stdout().includes('log follows'))).toBe(true)
    const form = { grant_type: 'client_credentials' }
    const client = { client_id: 'planner', client_secret: 'secret-of-planner' }
    const url = `http://127.0.0.1:${ports[2]}/oauth/token`
    const { body } = await post(url, { ...form, ...client })
    expect(body.scope).toBe('gk_exams gk_exams_read')
  }))
