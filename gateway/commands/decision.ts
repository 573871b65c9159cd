import { type Decision, pairs, urlOf } from '../explain/decision.ts'
import { statusOf } from '../policy/denial.ts'
import { describeAccess } from '../policy/describe.ts'
import { painter, type Terminal } from './terminal.ts'

/** The lines of an answer for a person. */
export function asText(
  { denial, route, token, outgoing }: Decision,
  file: string,
  terminal: Terminal,
) {
  const paint = painter(terminal)
  const lines = denial
    ? [`${paint('red', 'deny')}   ${statusOf(denial)} ${denial.denied}: ${denial.detail}`]
    : [paint('green', 'allow')]
  if (route) {
    lines.push(`route  ${route.key}  (${file}:${route.line}, data source ${route.dataSource.id})`)
    const whom = route.principal === 'any' ? '' : `, for a ${route.principal}`
    lines.push(`asks   ${describeAccess(route.access)}${whom}`)
  }
  if (token) {
    const { kind, clientId } = token.principal
    lines.push(`token  a ${kind}, client ${clientId}, scopes: ${token.scopes.join(' ') || 'none'}`)
  }
  if (outgoing) {
    lines.push(`sends  ${outgoing.method} ${urlOf(outgoing)}`)
    for (const [name, value] of pairs(outgoing.headers)) lines.push(`       ${name}: ${value}`)
  }
  return lines
}
