import { spawnSync } from 'node:child_process'
import { ROOT } from '../support/gateway.ts'

export const hasPromtool = spawnSync('promtool', ['--version']).status === 0
if (!hasPromtool) console.warn('SKIPPED: metrics and alerts need promtool (Debian: prometheus)')

/** Runs promtool at the root of the checkout: what it says, and its exit status. */
export function promtool(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    cwd: ROOT,
    input,
    encoding: 'utf8',
  })
  return { status, said: stdout + stderr }
}
