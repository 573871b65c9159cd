import type { Bench, Running } from '../bench.ts'
import type { Contestant } from '../contestant.ts'
import { type Rounds, roundsTable, timeRounds } from '../rounds.ts'
import type { Report, Scenario } from '../scenario.ts'

interface LoadScenario {
  readonly name: string
  readonly says: string
  readonly takesPart?: (contestant: Contestant) => boolean
  /** What a request is called. */
  readonly unit?: string
  readonly prepare: (bench: Bench) => Rounds | Promise<Rounds>
}

/** A scenario in which all contestants get the same load in turn. */
export const loadScenario = ({ name, says, takesPart, unit, prepare }: LoadScenario): Scenario => ({
  name,
  says,
  run: async bench => {
    const rounds = await prepare(bench)
    return withContestants(bench, takesPart, async running => {
      const data = await timeRounds(bench, running, rounds)
      const tables = [roundsTable(running, data, unit)]
      return { scenario: name, says, tables, data, others: data.map(({ others }) => others) }
    })
  },
})

/** Starts the contestants that take part, and stops them whatever happens. */
export async function withContestants(
  { contestants, start }: Bench,
  takesPart: (contestant: Contestant) => boolean = () => true,
  use: (running: readonly Running[]) => Promise<Report>,
): Promise<Report> {
  const running: Running[] = []
  try {
    for (const contestant of contestants.filter(takesPart)) running.push(await start(contestant))
    return await use(running)
  } finally {
    await Promise.all(running.map(({ server }) => server.stop()))
  }
}

export const authenticates = (contestant: Contestant): boolean => contestant.authenticates
