import { loadPolicy } from '../policy/parse.ts'
import type { Policy } from '../policy/policy.ts'
import type { ReadFile } from '../policy/source.ts'
import { type ExitStatus, painter, type Terminal } from './terminal.ts'

/** `check [FILE]`: every error and warning of a policy; nothing is started. */
export function check(file: string, terminal: Terminal): ExitStatus {
  const paint = painter(terminal)
  const parsed = loadPolicy(file, terminal.env)
  for (const line of parsed.ok ? parsed.warnings : parsed.faults) {
    terminal.out(paint(line.includes(': warning: ') ? 'yellow' : 'red', line))
  }
  if (!parsed.ok) return 1
  const { dataSources, routes } = parsed.policy
  terminal.out(
    `${paint('green', 'ok')} ${file}: ${dataSources.length} data source(s), ${routes.length} route(s)`,
  )
  return 0
}

/** The policy for another command; its faults go to stderr, since they are not that command's answer. */
export function policyFor(file: string, terminal: Terminal, read?: ReadFile): Policy | undefined {
  const parsed = loadPolicy(file, terminal.env, read)
  for (const line of parsed.ok ? parsed.warnings : parsed.faults) terminal.err(line)
  return parsed.ok ? parsed.policy : undefined
}
