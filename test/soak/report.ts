import { type Answer, isAnswer } from '../load/caller.ts'
import { MIB } from '../load/figures.ts'
import type { Offence } from './play.ts'
import type { Summary } from './run.ts'
import { thirdsOf } from './samples.ts'
import type { Progress } from './watch.ts'

/** What a soak says, while it runs and at its end. */

const whole = (number: number): string => Math.round(number).toLocaleString('en')
const perSecond = (count: number, ms: number): string => whole((1000 * count) / ms)
const mib = (bytes: number): string => `${whole(bytes / MIB)} MiB`

export function progressLine({ requests, elapsed, sample }: Progress): string {
  const { memory, descriptors } = sample
  return [
    `${whole(elapsed / 1000)} s`.padStart(7),
    `${whole(requests)} requests`.padStart(19),
    `${perSecond(requests, elapsed)} /s`.padStart(9),
    `rss ${mib(memory)}`,
    `${descriptors} descriptors`,
    'wrong 0',
  ].join('   ')
}

/** Lines of a table: what was sent and came back, and what the gateway took up. */
export function summaryLines(summary: Summary): string[] {
  const { requests, elapsed, samples, descriptors, outcomes, offence, faults } = summary
  const memory = thirdsOf(samples, 'memory')
  const open = thirdsOf(samples, 'descriptors')
  const peak = Math.max(...samples.map(one => one.memory))
  const sorted = [...outcomes].sort(([one], [other]) => (one < other ? -1 : 1))
  return [
    ...sorted.map(([kind, counts]) => kindLine(kind, counts)),
    '',
    row('requests', whole(requests)),
    row('seconds', whole(elapsed / 1000)),
    row('requests per second', perSecond(requests, elapsed)),
    row('memory, by thirds', `${memory.map(mib).join(', ')}; at most ${mib(peak)}`),
    row('descriptors, by thirds', open.map(whole).join(', ')),
    row('descriptors, before and after', descriptors.map(whole).join(', ')),
    row('wrong answers', offence === undefined ? '0' : '1'),
    row('other faults', whole(faults.length)),
  ]
}

const row = (name: string, value: string): string => `${name.padEnd(36)} ${value}`

function kindLine(kind: string, counts: ReadonlyMap<string, number>): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const parts = [...counts].sort(([one], [other]) => (one < other ? -1 : 1))
  const shown = parts.map(([came, count]) => `${came}: ${whole(count)}`).join('  ')
  return `${kind.padEnd(36)} ${whole(total).padStart(9)}   ${shown}`
}

const SHOWN = 6_000

/** All that is needed to look at an offence again: what was sent, byte for byte, and what came. */
export function offenceLines({ shot, why, came }: Offence): string[] {
  return [
    `WRONG: ${shot.kind}, request ${shot.number}: ${why}`,
    ...shot.pieces.map(piece =>
      typeof piece === 'number' ? `after ${piece} ms` : `sent: ${shown(piece.toString('latin1'))}`,
    ),
    `expected: ${shown(JSON.stringify(shot.expect, plain))}`,
    ...(came === undefined ? [] : [`came: ${isAnswer(came) ? shownAnswer(came) : came.silence}`]),
  ]
}

const shownAnswer = ({ line, headers, body, complete }: Answer): string =>
  shown(JSON.stringify({ line, headers, body: body.toString('latin1'), complete }))

/** Without what only repeats itself. */
const shown = (text: string): string =>
  JSON.stringify(text.replace(/(.)\1{99,}/g, (run, char) => `${char}{${run.length}}`)).slice(
    0,
    SHOWN,
  )

/** Maps as lists of pairs, bytes by their number. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Map) return [...value]
  return value instanceof Uint8Array ? `${value.length} bytes` : value
}
