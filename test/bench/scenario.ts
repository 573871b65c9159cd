import type { Bench } from './bench.ts'

/** Something that is measured, of every contestant that can take part. */
export interface Scenario {
  readonly name: string
  /** For `--list`. */
  readonly says: string
  readonly run: (bench: Bench) => Promise<Report>
}

/** What came out. */
export interface Report {
  readonly scenario: string
  readonly says: string
  /** One or more Markdown tables. */
  readonly tables: readonly string[]
  /** What the tables were made of. */
  readonly data: unknown
  /** How much of the machine others used, round by round, from 0 to 1. */
  readonly others: readonly number[]
}
