import { type Decision, pairs, urlOf } from '../explain/decision.ts'
import { statusOf } from '../policy/denial.ts'
import { describeRoute } from '../policy/describe.ts'
import type { Excerpt } from '../policy/excerpt.ts'
import { excerptLines, marginOf } from './report.ts'
import { painter, type Terminal } from './terminal.ts'

/** What a person is told besides: the line that decided, and what to do. */
export interface Told {
  readonly file: string
  readonly line: Excerpt | undefined
  readonly hints: readonly string[]
}

/** The lines of an answer for a person. */
export function asText(
  { denial, shadowed, route, token, outgoing }: Decision,
  { file, line, hints }: Told,
  terminal: Terminal,
) {
  const paint = painter(terminal)
  const colour = denial ? 'red' : shadowed ? 'yellow' : 'green'
  const lines = denial
    ? [`${paint('red', 'deny')}   ${statusOf(denial)} ${denial.denied}: ${denial.detail}`]
    : [paint('green', 'allow')]
  if (shadowed) lines.push(`${paint('yellow', 'shadow')} ${shadowed.denied}: ${shadowed.detail}`)
  if (route) {
    lines.push(`route  ${route.key}  (${file}:${route.line}, data source ${route.dataSource.id})`)
    lines.push(`asks   ${describeRoute(route)}`)
  }
  if (token) {
    const { kind, clientId } = token.principal
    lines.push(`token  a ${kind}, client ${clientId}, scopes: ${token.scopes.join(' ') || 'none'}`)
  }
  if (line) {
    const mark = (text: string) => paint(colour, text)
    lines.push(...excerptLines(line, { margin: marginOf([line]), mark: '^', paint: mark }))
  }
  for (const hint of hints) lines.push(`help   ${hint}`)
  if (outgoing) {
    lines.push(`sends  ${outgoing.method} ${urlOf(outgoing)}`)
    for (const [name, value] of pairs(outgoing.headers)) lines.push(`       ${name}: ${value}`)
  }
  return lines
}
