import type { z } from 'zod'
import { type Excerpt, excerpter } from './excerpt.ts'
import { formatFault, whereOf } from './faults.ts'
import { knownKeys } from './known-keys.ts'
import type { Fault, Source } from './source.ts'

/** A fault or a warning with all that helps to understand it. */
export interface Finding {
  readonly severity: 'error' | 'warning'
  readonly file: string
  /** From 1; absent where the file cannot be read at all. */
  readonly place?: {
    readonly line: number
    readonly column: number
    /** Behind the last character; on the line where it begins, or on a later one. */
    readonly end: { readonly line: number; readonly column: number }
  }
  /** `dataSources.grades.routes`; empty for the whole file. */
  readonly where: string
  readonly message: string
  /** The line of the contract: place, warning or not, where, message. */
  readonly text: string
  /** The line of the file, and others that one has to see with it. */
  readonly excerpts: readonly (Excerpt & { readonly label?: string })[]
  readonly help?: string
}

/** A warning that is meant: `# accepted: why`, behind what it is about or on the line above. */
const ACCEPTED = /(^|\s)#\s*accepted:\s*\S/

function isAccepted({ severity, line }: Fault, lines: readonly string[]): boolean {
  const [above = '', own = ''] = [lines[line - 2], lines[line - 1]]
  return (
    severity === 'warning' && (ACCEPTED.test(own) || (/^\s*#/.test(above) && ACCEPTED.test(above)))
  )
}

/** Faults in the order of the file, each with the line that it is on. */
export function findingsOf(source: Source, faults: readonly Fault[], schema: z.ZodType): Finding[] {
  if (faults.length === 0) return []
  const needed = source.places.size === 0 || faults.some(({ unknown }) => unknown !== undefined)
  const keys = needed ? knownKeys(schema) : undefined
  const cut = excerpter(source, faults, keys?.words ?? new Set())
  const lines = source.text.split('\n')
  const told = faults.filter(fault => !isAccepted(fault, lines))
  const sorted = told.sort((a, b) => a.line - b.line || a.col - b.col)
  return sorted.map(fault => {
    const { severity, line, col, span, path, message, beside } = fault
    const help = fault.unknown !== undefined ? keys?.helpFor(path) : fault.help
    const other = beside && {
      ...cut(source.placeOf(beside.path, beside.at)),
      label: beside.label,
    }
    return {
      severity,
      file: source.file,
      place: { line, column: col, end: endOf(source.text, span) },
      where: whereOf(fault),
      message,
      text: formatFault(source.file, fault),
      excerpts: [cut({ line, span }), ...(other ? [other] : [])],
      ...(help !== undefined && { help }),
    }
  })
}

function endOf(text: string, { from, to }: { readonly from: number; readonly to: number }) {
  const end = Math.max(to, from + 1)
  const before = text.slice(0, end)
  return { line: before.split('\n').length, column: end - before.lastIndexOf('\n') }
}
