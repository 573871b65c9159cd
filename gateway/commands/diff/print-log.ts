import { type Diff, differs } from './compare.ts'
import type { Range, Touched } from './counter.ts'
import type { Impact } from './impact.ts'

/** Clients that are named; the rest is counted. */
const NAMED = 10

/** How many requests a change would have touched, and whose. */
export function touchedLines({ refused, allowed, clients }: Touched): string[] {
  const of = (range: Range, what: 'refused' | 'allowed') => {
    if (range.most === 0) return []
    const own = clients.filter(client => client[what].most > 0)
    const named = own.slice(0, NAMED).map(({ clientId, [what]: counts }) => {
      return `${clientId ?? 'no token'} (${rangeText(counts)})`
    })
    const rest = own.length > NAMED ? [`${own.length - NAMED} more`] : []
    return [`would be ${what}: ${rangeText(range)} request(s): ${[...named, ...rest].join(', ')}`]
  }
  return [...of(refused, 'refused'), ...of(allowed, 'allowed')]
}

const rangeText = ({ least, most }: Range): string =>
  least === most ? `${most}` : `${least} to ${most}`

/** What all of the log comes to, and what cannot be told from it. */
export function impactLines(impact: Impact, diff: Diff): string[] {
  const { requests, others, unmatched, unrouted, preflights, total } = impact
  const told = touchedLines(total).map(line => `  ${line}`)
  const none = differs(diff) ? 'none would be refused or allowed' : 'none is touched'
  const isBounded = [total.refused, total.allowed].some(({ least, most }) => least !== most)
  const notes: readonly [boolean, string][] = [
    [
      isBounded,
      'where there are two numbers, the log cannot tell: it holds no paths, and of a token no scopes',
    ],
    [
      unrouted > 0,
      `${unrouted} request(s) met no route, and some of them may meet one now: paths are not in the log`,
    ],
    [unmatched > 0, `${unmatched} request(s) are of routes that the old policy does not have`],
    [preflights > 0, `${preflights} preflight(s) are not counted: they need no token`],
    [others > 0, `${others} other line(s) were passed over`],
  ]
  return [
    `log: ${requests} request(s)`,
    ...(told.length > 0 ? told : [`  ${none}`]),
    ...notes.flatMap(([holds, says]) => (holds ? [`  ${says}`] : [])),
  ]
}
