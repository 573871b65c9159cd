import { expect, test } from 'vitest'
import { freePorts, isListening, occupy, portOf, portOptions, runStack } from './support.ts'

const OPTIONS = ['--gateway-port', '--admin-port', '--feide-port', '--api-port']

test.each(OPTIONS.map((option, index) => [option, index] as const))(
  'a port in use is named with %s, and nothing is left running',
  async (option, index) => {
    const taken = await occupy(0)
    const ports = [...(await freePorts(4))]
    ports[index] = portOf(taken)
    const stack = runStack(portOptions(ports))
    const { code } = await stack.exited
    const listening = await Promise.all(ports.map(isListening))
    taken.close()
    expect({ code, stderr: stack.stderr(), stdout: stack.stdout() }).toEqual({
      code: 1,
      stderr: `local stack: port ${ports[index]} is in use: choose another with ${option}\n`,
      stdout: '',
    })
    expect(listening).toEqual(ports.map((_, i) => i === index))
  },
)

test.each([
  ['a port that is none', ['--api-port=70000'], 'A port is a number from 1 to 65535'],
  ['no number', ['--feide-port=http'], 'A port is a number from 1 to 65535'],
  ['an unknown option', ['--port=1'], "unknown option '--port=1'"],
  ['an argument', ['serve'], 'too many arguments'],
])('%s is wrong usage', async (_, args, message) => {
  const stack = runStack(args)
  expect((await stack.exited).code).toBe(2)
  expect(stack.stderr()).toContain(message)
})

test('--help lists every option', async () => {
  const stack = runStack(['--help'])
  expect((await stack.exited).code).toBe(0)
  for (const option of OPTIONS) expect(stack.stdout()).toContain(option)
})
