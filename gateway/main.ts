#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { runCommandLine } from './cli/command-line.ts'
import { declareDiff } from './cli/diff.ts'
import { declareExplain } from './cli/explain.ts'
import { declareKeys } from './cli/keys.ts'
import { declareCheck, declareRoutes, declareSchema } from './cli/policy.ts'
import { declareServe } from './cli/serve.ts'
import { declareTest } from './cli/test.ts'
import { declareToken } from './cli/token.ts'

/** The only file that touches the process. */

// A reader that has seen enough, such as `head`, is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string }

const terminal = {
  out: (text: string) => void process.stdout.write(`${text}\n`),
  err: (text: string) => void process.stderr.write(`${text}\n`),
  env: process.env,
  colours: process.stdout.isTTY === true && process.stdout.hasColors(),
}

const signals = {
  onReload: (run: () => void) => void process.on('SIGHUP', run),
  onStop: (run: () => void) => {
    process.on('SIGTERM', run)
    process.on('SIGINT', run)
  },
  exitNow: (status: 1) => process.exit(status),
  onExit: (run: () => void) => void process.on('exit', run),
}

function ignoreSignals(): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
}

async function askSecret(): Promise<string> {
  const secret = await import('./commands/secret.ts')
  return secret.askSecret(process.stdin, process.stderr)
}

const status = runCommandLine(
  process.argv,
  {
    terminal,
    version,
    folder: () => process.cwd(),
    stdin: () => process.stdin,
    stdout: process.stdout,
    signals,
    ignoreSignals,
    secretAsker: () => (process.stdin.isTTY ? askSecret : undefined),
    exit: status => process.exit(status),
  },
  [
    declareServe,
    declareCheck,
    declareRoutes,
    declareExplain,
    declareTest,
    declareDiff,
    declareSchema,
    declareToken,
    declareKeys,
  ],
)
// The package is built as CommonJS, which cannot wait here.
status.then(code => {
  process.exitCode = code
})
