import type { Excerpt } from '../policy/excerpt.ts'
import type { Finding } from '../policy/findings.ts'
import { painter, type Terminal } from './terminal.ts'

/** How much of a line is shown around what is meant. */
const WIDTH = 110

/** A finding as compilers show it: its line, then the line of the file, then what to do. */
export function asLines(finding: Finding, terminal: Pick<Terminal, 'colours'>): string[] {
  const paint = painter(terminal)
  const colour = finding.severity === 'error' ? 'red' : 'yellow'
  const { excerpts, help } = finding
  const margin = marginOf(excerpts)
  const shown = excerpts.flatMap((excerpt, i) =>
    excerptLines(excerpt, {
      margin,
      mark: i === 0 ? '^' : '-',
      paint: text => paint(i === 0 ? colour : 'cyan', text),
    }),
  )
  const advice = help === undefined ? [] : [`${margin} = ${help}`]
  return [paint(colour, finding.text), ...shown, ...advice]
}

export const marginOf = (excerpts: readonly Excerpt[]): string =>
  ' '.repeat(Math.max(4, ...excerpts.map(({ line }) => String(line).length + 2)))

export interface Drawing {
  /** As wide as the column of line numbers. */
  readonly margin: string
  readonly mark: '^' | '-'
  readonly paint: (text: string) => string
}

/** The line of the file, and under it a mark for what is meant. */
export function excerptLines(
  excerpt: Excerpt & { readonly label?: string },
  { margin, mark, paint }: Drawing,
): string[] {
  const { text, from, to } = cut(excerpt)
  const { line, label = '' } = excerpt
  const under = ' '.repeat(widthOf(text.slice(0, from)))
  const marks = mark.repeat(Math.max(1, widthOf(text.slice(from, to))))
  return [
    `${String(line).padStart(margin.length)} | ${text}`,
    `${margin} | ${under}${paint(`${marks} ${label}`.trimEnd())}`,
  ]
}

/** Characters, not halves of them. */
const widthOf = (text: string): number => [...text].length

/** The part of a long line that matters. */
function cut({ text, from, to }: Excerpt): Excerpt & { readonly line: 0 } {
  if (text.length <= WIDTH) return { line: 0, text, from, to }
  const start = Math.max(0, Math.min(from - 30, text.length - WIDTH))
  const end = Math.min(text.length, start + WIDTH)
  const head = start > 0 ? '…' : ''
  const tail = end < text.length ? '…' : ''
  const shift = head.length - start
  const shown = `${head}${text.slice(start, end)}${tail}`
  return { line: 0, text: shown, from: from + shift, to: Math.min(to, end) + shift }
}
