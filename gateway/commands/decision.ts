import type { Route, UpstreamRequest, VerifiedToken } from '../model.ts'
import { type Denial, statusOf } from '../policy/denial.ts'
import type { Excerpt } from '../policy/excerpt.ts'
import { excerptLines, marginOf } from './report.ts'
import { alternatives, describeAccess, notEnforced } from './routes.ts'
import { painter, type Terminal } from './terminal.ts'

/** The decision on one request, made by the same gate that decides on real ones. */
export interface Decision {
  readonly denial: Denial | undefined
  /** What an allowed request would have been refused for, but for `enforce: false`. */
  readonly shadowed: Denial | undefined
  readonly route: Route | undefined
  readonly token: VerifiedToken | undefined
  readonly outgoing: UpstreamRequest | undefined
}

/** Credentials are the upstream's secret, a forwarded token the caller's. */
export function withoutSecrets(decision: Decision): Decision {
  const { outgoing } = decision
  if (!outgoing) return decision
  const headers = outgoing.headers.map((value, i) => {
    const name = outgoing.headers[i - 1]
    return i % 2 === 1 && name === 'Authorization' ? value.replace(/ .*/, ' [hidden]') : value
  })
  return { ...decision, outgoing: { ...outgoing, headers } }
}

const pairs = (list: readonly string[]): [string, string][] =>
  list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1] ?? '']] : []))

const urlOf = ({ origin, target }: UpstreamRequest) => origin.origin + target

/** The members of contract 6. */
export function asJson({ denial, shadowed, route, token, outgoing }: Decision) {
  return {
    decision: denial ? 'deny' : 'allow',
    code: denial?.denied ?? null,
    shadow: shadowed?.denied ?? null,
    status: denial ? statusOf(denial) : null,
    dataSource: route?.dataSource.id ?? null,
    route: route?.key ?? null,
    line: route?.line ?? null,
    principal: token?.principal.kind ?? null,
    required: route ? alternatives(route.access) : [],
    granted: token?.scopes ?? [],
    upstream: outgoing
      ? { method: outgoing.method, url: urlOf(outgoing), headers: pairs(outgoing.headers) }
      : null,
  }
}

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
    const whom = route.principal === 'any' ? '' : `, for a ${route.principal}`
    lines.push(`asks   ${describeAccess(route.access)}${whom}${notEnforced(route)}`)
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
