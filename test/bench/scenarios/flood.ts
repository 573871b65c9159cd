import type { Bench, Running } from '../bench.ts'
import { forgeryFile, pathFile, tokenFile } from '../files.ts'
import { type Load, type LoadResult, load } from '../load.ts'
import { watchOthers } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { figure, median, spread } from '../statistics.ts'
import { markdown } from '../table.ts'
import { authenticates, withContestants } from './load.ts'

const GOOD = 16
const BAD = 64

/** What good callers feel of a flood of bad signatures, each of which costs a full check. */
export const flood: Scenario = {
  name: 'flood',
  says: `GET, ${GOOD} connections with a good token, alone and beside ${BAD} with bad signatures`,
  run: bench =>
    withContestants(bench, authenticates, async running => {
      const paths = pathFile(bench, 'flood', ['/courses'])
      const good = { paths, connections: GOOD, tokens: await tokenFile(bench, 'flood', 1) }
      const bad = { paths, connections: BAD, tokens: forgeryFile(bench, 'flood', 20_000) }
      const data: FloodRound[] = []
      for (let i = 0; i < bench.rounds; i++) {
        for (const one of running) data.push(await floodRound(bench, one, good, bad))
      }
      return {
        scenario: flood.name,
        says: flood.says,
        tables: [tableOf(running, data)],
        data,
        others: data.map(({ others }) => others),
      }
    }),
}

interface FloodRound {
  readonly name: string
  readonly alone: LoadResult
  readonly beside: LoadResult
  readonly flood: LoadResult
  readonly others: number
}

type Kind = Omit<Load, 'seconds'>

async function floodRound(
  { seconds, say }: Bench,
  { name, port }: Running,
  good: Kind,
  bad: Kind,
): Promise<FloodRound> {
  await load(port, { ...good, seconds: 1 })
  const others = watchOthers()
  const alone = await load(port, { ...good, seconds })
  const [beside, flood] = await Promise.all([
    load(port, { ...good, seconds }),
    load(port, { ...bad, seconds }),
  ])
  if (alone.refused + beside.refused > 0) throw new Error(`${name} refused a good token`)
  if (flood.refused < flood.requests) throw new Error(`${name} took a bad token`)
  say(`  ${name}: p99 ${figure(alone.p99 / 1000)} ms alone, ${figure(beside.p99 / 1000)} ms beside`)
  return { name, alone, beside, flood, others: others() }
}

function tableOf(running: readonly Running[], data: readonly FloodRound[]): string {
  const perSecond = ({ requests, micros }: LoadResult) => requests / (micros / 1e6)
  return markdown(
    ['contestant', 'p50 alone ms', 'p99 alone ms', 'p50 ms', 'p99 ms', 'good/s', 'refused/s'],
    running.map(({ name, contestant }) => {
      const own = data.filter(round => round.name === name)
      return [
        contestant.title(),
        figure(median(own.map(({ alone }) => alone.p50 / 1000))),
        figure(median(own.map(({ alone }) => alone.p99 / 1000))),
        figure(median(own.map(({ beside }) => beside.p50 / 1000))),
        spread(own.map(({ beside }) => beside.p99 / 1000)),
        figure(median(own.map(({ beside }) => perSecond(beside)))),
        figure(median(own.map(({ flood }) => perSecond(flood)))),
      ]
    }),
  )
}
