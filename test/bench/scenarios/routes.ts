import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from '../../support/gateway.ts'
import type { Bench, Running } from '../bench.ts'
import type { Contestant } from '../contestant.ts'
import { gateway, routePaths } from '../contestants/gateway.ts'
import { pathFile, tokenFile } from '../files.ts'
import { measure, type Round } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { figure, spread } from '../statistics.ts'
import { markdown } from '../table.ts'

const FEW = 10
const MANY = 10_000

const withRoutes = (count: number): Contestant => ({
  ...gateway,
  name: `gateway-${count}-routes`,
  title: () => `${count.toLocaleString('en')} routes`,
})

/** The gateway against itself; every route is asked for in turn. */
export const routes: Scenario = {
  name: 'routes',
  says: `GET, the gateway with ${FEW} and with ${MANY} routes`,
  run: async bench => {
    const few = await bench.start(withRoutes(FEW), { routes: FEW })
    const many = await bench.start(withRoutes(MANY), { routes: MANY })
    try {
      const data = await rounds(bench, few, many)
      const loading = [loadTimes(bench, few), loadTimes(bench, many)]
      const others = data.flatMap(pair => pair.map(one => one.others))
      const tables = [tableOf([few, many], data, loading)]
      return { scenario: routes.name, says: routes.says, tables, data: { data, loading }, others }
    } finally {
      await Promise.all([few.server.stop(), many.server.stop()])
    }
  },
}

type Pair = readonly [few: Round, many: Round]

async function rounds(bench: Bench, few: Running, many: Running): Promise<Pair[]> {
  const tokens = await tokenFile(bench, 'routes', 1)
  const one = async (running: Running, count: number, isFirst: boolean): Promise<Round> => {
    const paths = pathFile(bench, `routes-${count}`, routePaths(count))
    const load = { paths, connections: 64, tokens }
    await measure(running, { ...load, seconds: isFirst ? 10 : 2 })
    const round = await measure(running, { ...load, seconds: bench.seconds })
    if (round.refused + round.broken > 0) throw new Error(`${running.name} refused a request`)
    bench.say(`  ${running.name}: ${figure(round.cpu)} µs`)
    return round
  }
  const pairs: Pair[] = []
  for (let i = 0; i < bench.rounds; i++) {
    pairs.push([await one(few, FEW, i === 0), await one(many, MANY, i === 0)])
  }
  return pairs
}

/** Milliseconds that `check` takes: a process that starts, reads the policy, and ends. */
function loadTimes({ rounds }: Bench, { server: { directory } }: Running): number[] {
  return Array.from({ length: rounds }, () => {
    const startedAt = performance.now()
    const check = [join(ROOT, 'gateway/main.ts'), 'check', join(directory, 'gateway.yaml')]
    const { status, stderr } = spawnSync(process.execPath, check, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`check: ${stderr}`)
    return performance.now() - startedAt
  })
}

function tableOf(
  [few, many]: readonly [Running, Running],
  data: readonly Pair[],
  [fewLoads = [], manyLoads = []]: readonly (readonly number[])[],
): string {
  const row = ({ contestant }: Running, rounds: Round[], ratios: number[], loads: number[]) => [
    contestant.title(),
    spread(rounds.map(({ cpu }) => cpu)),
    spread(ratios),
    spread(loads),
    figure(Math.max(...rounds.map(({ peak }) => peak)) / 1024 / 1024),
  ]
  const ratios = data.map(([few, many]) => many.cpu / few.cpu)
  return markdown(
    ['gateway', 'CPU µs per request', 'ratio', '`check` ms', 'peak RSS MiB'],
    [
      row(
        few,
        data.map(([first]) => first),
        [1],
        [...fewLoads],
      ),
      row(
        many,
        data.map(([, second]) => second),
        ratios,
        [...manyLoads],
      ),
    ],
  )
}
