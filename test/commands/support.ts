import { rmSync } from 'node:fs'
import { afterAll } from 'vitest'
import type { ExitStatus, Terminal } from '../../gateway/commands/terminal.ts'
import { writeTemporary } from '../support/gateway.ts'

export type Said = { readonly status: ExitStatus; readonly out: string[]; readonly err: string[] }

/** Runs a command on a terminal of its own, without a process around it. */
export async function onTerminal(
  run: (terminal: Terminal) => ExitStatus | Promise<ExitStatus>,
  { env = {}, colours = false }: { env?: Record<string, string>; colours?: boolean } = {},
): Promise<Said> {
  const said: { out: string[]; err: string[] } = { out: [], err: [] }
  const status = await run({
    out: text => void said.out.push(...text.split('\n')),
    err: text => void said.err.push(...text.split('\n')),
    env,
    colours,
  })
  return { status, ...said }
}

const directories: string[] = []
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** A policy file that is there until the tests of the file are over. */
export function policyFile(text: string): { readonly directory: string; readonly file: string } {
  const written = writeTemporary(text)
  directories.push(written.directory)
  return written
}
