import { cpus, release, totalmem } from 'node:os'
import type { Bench } from './bench.ts'
import { versionOf } from './contestants/packages.ts'
import type { Report } from './scenario.ts'
import { median } from './statistics.ts'

/** Above this the figures are no measurement, only a first look. */
const QUIET = 0.05

/** What all of it ran on, and how. */
export interface Circumstances {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly load: string
  readonly api: string
  readonly rounds: number
  readonly seconds: number
  readonly contestants: Readonly<Record<string, string>>
}

export const circumstances = ({ rounds, seconds, contestants }: Bench): Circumstances => ({
  cpu: cpus()[0]?.model.trim() ?? '',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  kernel: release(),
  node: process.version,
  load: `wrk ${versionOf('wrk', '-v')}`,
  api: `nginx ${versionOf('nginx', '-v')}`,
  rounds,
  seconds,
  contestants: Object.fromEntries(contestants.map(one => [one.name, one.title()])),
})

export const describe = (c: Circumstances): string =>
  `${c.cores} cores (${c.cpu}), ${c.memoryGiB} GiB, Linux ${c.kernel}, Node ${c.node.slice(1)}. ` +
  `The API is ${c.api}, the load ${c.load}; rounds in turn, ${c.rounds} of ${c.seconds} s each. ` +
  'Medians, ranges in parentheses; CPU is that of the whole process tree, user and system.\n'

/** A scenario in Markdown. */
export function describeReport({ scenario, says, tables, others }: Report): string {
  const parts = [`### ${scenario}`, says, ...tables]
  if (others.length > 0) parts.push(disturbance(others))
  return `${parts.join('\n\n')}\n`
}

function disturbance(others: readonly number[]): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`
  const [middle, most] = [median(others), Math.max(...others)]
  const said = `Something else used ${percent(middle)} of the machine, ${percent(most)} at most.`
  return middle > QUIET ? `${said} **Too much: a first look, no measurement.**` : said
}
