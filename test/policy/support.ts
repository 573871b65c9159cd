import { rmSync } from 'node:fs'
import { check } from '../../gateway/commands/check.ts'
import type { ExitStatus } from '../../gateway/commands/terminal.ts'
import { type Parsed, parsePolicy } from '../../gateway/policy/parse.ts'
import type { Policy } from '../../gateway/policy/policy.ts'
import { writeTemporary } from '../support/gateway.ts'

export type Env = Readonly<Record<string, string>>

/** What `check` prints about a text, with the file called `policy.yaml`, and its exit status. */
export function printed(text: string, env: Env = {}): { status: ExitStatus; lines: string[] } {
  const { directory, file } = writeTemporary(text)
  const lines: string[] = []
  const out = (line: string) => void lines.push(line.replaceAll(`${directory}/`, ''))
  const err = (line: string) => out(`on stderr: ${line}`)
  try {
    return { status: check(file, { out, err, env, colours: false }), lines }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The same without what helps to understand a fault: the line of each alone, as the contract has it. */
export function checked(text: string, env: Env = {}): { status: ExitStatus; lines: string[] } {
  const { status, lines } = printed(text, env)
  return { status, lines: lines.filter(line => /^policy\.yaml:\d/.test(line) && isToTest(line)) }
}

/** Names such as `grades` are short to read; that Feide has no such audience has a test of its own. */
const isToTest = (line: string) => !line.includes('expected the audience of a data source of Feide')

export const parsed = (text: string, env: Env = {}): Parsed => parsePolicy('policy.yaml', text, env)

/** Every fault or warning of a text. */
export function faultsOf(text: string, env: Env = {}): readonly string[] {
  const result = parsed(text, env)
  return (result.ok ? result.warnings : result.faults).filter(isToTest)
}

/** The policy of a text that has no fault. */
export function policyOf(text: string, env: Env = {}): Policy {
  const result = parsed(text, env)
  if (!result.ok) throw new Error(result.faults.join('\n'))
  return result.policy
}

/** Cuts the common margin, so that YAML can stand in the margin of a test. */
export function yaml(parts: TemplateStringsArray, ...values: unknown[]): string {
  const lines = String.raw({ raw: parts }, ...values)
    .replace(/^\n/, '')
    .replace(/\n *$/, '\n')
    .split('\n')
  const margins = lines.filter(line => line.trim() !== '').map(line => line.search(/\S/))
  const margin = Math.min(...margins)
  return lines.map(line => line.slice(margin)).join('\n')
}

/** `«` stands before each place at which a fault is to be found; the text without the marks. */
export function marked(text: string): { readonly text: string; readonly places: string[] } {
  const places: string[] = []
  const lines = text.split('\n').map((line, i) => {
    for (let rest = line; rest.includes('«'); rest = rest.replace('«', '')) {
      places.push(`${i + 1}:${rest.indexOf('«') + 1}`)
    }
    return line.replaceAll('«', '')
  })
  return { text: lines.join('\n'), places }
}

/** A whole policy around the lines of one data source, and others before it. */
export const around = (dataSource: string, before = ''): string => `${before}issuer:
  url: https://auth.dataporten.no
dataSources:
  grades:
    audience: https://n.feide.no/datasources/02d0f79b-7fbc-422b-bb31-a4d22121f040
${dataSource}`
