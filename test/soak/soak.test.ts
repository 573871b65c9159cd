import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../support/gateway.ts'

/** Half of 20,000: the same ones each time, and others each time. */
const REQUESTS = 10_000
const PATIENCE = 240_000

type Ended = { readonly code: number | null; readonly said: string }

const soak = (args: readonly string[]): Promise<Ended> =>
  new Promise(resolve => {
    const child = spawn(process.execPath, [join(ROOT, 'test/soak/main.ts'), ...args], { cwd: ROOT })
    let said = ''
    const hear = (text: string) => {
      said += text
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
    child.on('close', code => resolve({ code, said }))
  })

const SEEDS = [1, Math.floor(Math.random() * 2 ** 32)]

test.for(SEEDS)(
  'mixed traffic is answered right, request by request (seed %d)',
  {
    timeout: PATIENCE,
  },
  async seed => {
    const { code, said } = await soak(['--requests', String(REQUESTS), '--seed', String(seed)])
    expect(code, said).toBe(0)
    expect(said).toMatch(/^wrong answers +0$/m)
    expect(said).toMatch(/^other faults +0$/m)
  },
)

test.for([
  ['a number that is none', ['--requests', 'many'], /--requests: expected 1 to/],
  ['an option that there is not', ['--speed', '1'], /Unknown option '--speed'/],
] as const)('%s is wrong usage', async ([, args, words]) => {
  const { code, said } = await soak(args)
  expect({ code, said: expect.stringMatching(words) }).toEqual({ code: 2, said })
})
