import type { Finding } from '../policy/findings.ts'
import { type Loaded, loadPolicy } from '../policy/parse.ts'
import type { ReadFile } from '../policy/source.ts'
import { asAnnotation, findingAsJson } from './formats.ts'
import { asLines } from './report.ts'
import { type ExitStatus, painter, type Terminal } from './terminal.ts'

export interface CheckOptions {
  /** How the answer is written: for people, for programs, or as annotations of GitHub Actions. */
  readonly format: 'text' | 'json' | 'github'
  /** Warnings are errors. */
  readonly strict: boolean
}

/** `check [FILE]`: every error and warning of a policy; nothing is started. */
export function check(
  file: string,
  terminal: Terminal,
  { format, strict }: CheckOptions = { format: 'text', strict: false },
): ExitStatus {
  const loaded = loadPolicy(file, terminal.env)
  const findings = strict ? loaded.findings.map(asError) : loaded.findings
  const ok = !findings.some(({ severity }) => severity === 'error')
  if (format === 'json') {
    terminal.out(JSON.stringify(asJson(file, ok, loaded, findings), null, 2))
  } else {
    for (const finding of findings) {
      const lines = format === 'github' ? [asAnnotation(finding)] : asLines(finding, terminal)
      for (const line of lines) terminal.out(line)
    }
    terminal.out(summary(file, ok, loaded, findings, terminal))
  }
  return ok ? 0 : 1
}

const asError = (finding: Finding): Finding => ({
  ...finding,
  severity: 'error',
  text: finding.text.replace(': warning: ', ': '),
})

const asJson = (file: string, ok: boolean, loaded: Loaded, findings: readonly Finding[]) => ({
  ok,
  file,
  dataSources: loaded.ok ? loaded.policy.dataSources.length : null,
  routes: loaded.ok ? loaded.policy.routes.length : null,
  findings: findings.map(findingAsJson),
})

function summary(
  file: string,
  ok: boolean,
  loaded: Loaded,
  findings: readonly Finding[],
  terminal: Terminal,
): string {
  const paint = painter(terminal)
  const count = (severity: Finding['severity']) =>
    findings.filter(finding => finding.severity === severity).length
  const [errors, warnings] = [count('error'), count('warning')]
  const warned = warnings > 0 ? `, ${warnings} warning(s)` : ''
  if (!ok || !loaded.ok) return `${paint('red', 'not ok')} ${file}: ${errors} error(s)${warned}`
  const { dataSources, routes } = loaded.policy
  const has = `${dataSources.length} data source(s), ${routes.length} route(s)`
  return `${paint('green', 'ok')} ${file}: ${has}${warned}`
}

/**
 * A policy without faults, for another command. Its faults go to stderr, since they are not that command's
 * answer; its warnings are for `check`, and for `serve`.
 */
export function loadFor(
  file: string,
  terminal: Terminal,
  { read, warn = false }: { read?: ReadFile; warn?: boolean } = {},
): Extract<Loaded, { ok: true }> | undefined {
  const loaded = loadPolicy(file, terminal.env, read)
  const told = warn || !loaded.ok ? loaded.findings : []
  for (const line of told.flatMap(finding => asLines(finding, PLAIN))) terminal.err(line)
  return loaded.ok ? loaded : undefined
}

/** Whether stderr shows colours is not known. */
const PLAIN = { colours: false }
