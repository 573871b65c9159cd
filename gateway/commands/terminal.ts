import { styleText } from 'node:util'

/** What a command has of the outside world; `main.ts` gives it the process, a test its own. */
export interface Terminal {
  /** The answer. */
  readonly out: (text: string) => void
  /** Everything else. */
  readonly err: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether the answer goes to a terminal that shows colours. */
  readonly colours: boolean
}

/** 0 done, 1 the answer is no, 2 wrong usage (contract 6). */
export type ExitStatus = 0 | 1 | 2

/** Where the secret of the client is looked for: an argument could be read by everyone on the machine. */
export const SECRET_VARIABLE = 'FEIDE_CLIENT_SECRET'

type Style = Parameters<typeof styleText>[0]

/** Styles a text for a terminal, and leaves it alone for a file or a pipe. */
export const painter =
  ({ colours }: Pick<Terminal, 'colours'>) =>
  (style: Style, text: string): string =>
    colours ? styleText(style, text, { validateStream: false }) : text

/** Columns of a table, each as wide as its widest cell. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map(row => row[i]?.length ?? 0))) ?? []
  return rows.map(row =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
