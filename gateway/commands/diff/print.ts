import { columns, painter, type Terminal } from '../terminal.ts'
import type { Change, Kind } from './changes.ts'
import { type Diff, differs } from './compare.ts'
import type { Impact } from './impact.ts'
import { impactLines, touchedLines } from './print-log.ts'
import type { Setting } from './settings.ts'
import { describeChange, describeMethods, detailsOf, HEADINGS } from './words.ts'

/** The answer for people. */
export function asLines(diff: Diff, impact: Impact | undefined, terminal: Terminal): string[] {
  const paint = painter(terminal)
  const kinds = Object.entries(HEADINGS) as [Kind, string][]
  const changes = kinds.flatMap(([kind, heading]) => {
    const own = diff.changes.filter(change => change.kind === kind)
    return own.length === 0 ? [] : [paint('bold', heading), ...changeLines(own, diff, impact)]
  })
  const tokens = diff.settings.filter(({ direction }) => direction !== 'same')
  const others = diff.settings.filter(({ direction }) => direction === 'same')
  const heard = (list: readonly Setting[], heading: string) =>
    list.length === 0 ? [] : [paint('bold', heading), ...list.map(settingLine)]
  const verdict = differs(diff) ? paint('yellow', 'differs') : paint('green', 'same')
  const count = diff.changes.filter(({ kind }) => kind !== 'marks').length + tokens.length
  return [
    ...changes,
    ...heard(tokens, 'which tokens are good, on every route'),
    ...heard(others, 'nothing that lets in or refuses'),
    ...(impact ? impactLines(impact, diff) : []),
    `${verdict} ${diff.old.policy.file} ${diff.new.policy.file}: ${count} difference(s) in access`,
  ]
}

function changeLines(changes: readonly Change[], diff: Diff, impact: Impact | undefined): string[] {
  const rows = columns(changes.map(change => rowOf(change, diff)))
  return changes.flatMap((change, i) => {
    const touched = impact?.of.get(change)
    return [
      `  ${rows[i]}`,
      ...detailsOf(change).map(detail => `      ${detail}`),
      ...(touched ? touchedLines(touched).map(line => `      ${line}`) : []),
    ]
  })
}

function rowOf(change: Change, diff: Diff): string[] {
  const { pair, methods, pattern, whole, example } = change
  const part = whole ? '' : ` (in part: such as ${example})`
  const { old, new: next } = pair
  const places = [
    ...(old ? [`${diff.old.policy.file}:${old.line}`] : []),
    ...(next ? [`${diff.new.policy.file}:${next.line}`] : []),
  ]
  const at = `${hostsOf(change, diff)}${places.join(' ')}`
  return [`${describeMethods(methods)} ${pattern}${part}`, describeChange(change), at]
}

/** Hosts that are named; the rest is counted. */
const NAMED = 3

/** Hosts go without saying where all that the policies serve are meant. */
function hostsOf({ hosts }: Change, { cells }: Diff): string {
  const served = cells.hosts.filter(({ classes }) =>
    classes.some(one => one.old.length > 0 || one.new.length > 0),
  )
  if (hosts.length === served.length) return ''
  const named = hosts.slice(0, NAMED).map(host => host || 'any other host')
  const rest = hosts.length > NAMED ? [`${hosts.length - NAMED} more`] : []
  return `${[...named, ...rest].join(', ')}  `
}

function settingLine({ key, old, new: next, direction }: Setting): string {
  const how = direction === 'same' ? '' : ` (${HEADINGS[direction]})`
  const values = old === undefined || next === undefined ? 'differs' : `${old} -> ${next}`
  return `  ${key}: ${values}${how}`
}
