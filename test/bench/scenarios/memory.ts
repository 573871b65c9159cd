import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench, Running } from '../bench.ts'
import { pathFile, tokenFile } from '../files.ts'
import { type Load, load } from '../load.ts'
import { treeMemory } from '../proc.ts'
import type { Scenario } from '../scenario.ts'
import { sendEach } from '../send-each.ts'
import { figure } from '../statistics.ts'
import { markdown } from '../table.ts'
import { authenticates, withContestants } from './load.ts'

const MIB = 1024 * 1024
const REMEMBERED = 100_000

export const memory: Scenario = {
  name: 'memory',
  says: `RSS at the start, after a load with one token, and after ${REMEMBERED} different tokens`,
  run: bench =>
    withContestants(bench, authenticates, async running => {
      const paths = pathFile(bench, 'memory', ['/courses'])
      const one = { paths, connections: 64, tokens: await tokenFile(bench, 'memory', 1) }
      bench.say(`  signing ${REMEMBERED} tokens`)
      const file = await tokenFile(bench, 'many', REMEMBERED)
      const many = readFileSync(file, 'utf8').trimEnd().split('\n')
      const data: Memory[] = []
      for (const each of running) data.push(await memoryOf(bench, each, one, many))
      const rows = data.map(({ atStart, afterLoad, afterMany }, i) => [
        running[i]?.contestant.title() ?? '',
        ...[atStart, afterLoad, afterMany].map(bytes => figure(bytes / MIB)),
      ])
      const columns = ['contestant', 'start MiB', 'load MiB', `${REMEMBERED} tokens MiB`]
      const tables = [markdown(columns, rows)]
      return { scenario: memory.name, says: memory.says, tables, data, others: [] }
    }),
}

interface Memory {
  readonly name: string
  /** Bytes. */
  readonly atStart: number
  readonly afterLoad: number
  readonly afterMany: number
}

async function memoryOf(
  { say }: Bench,
  { name, port, server: { pid } }: Running,
  one: Omit<Load, 'seconds'>,
  many: readonly string[],
): Promise<Memory> {
  const atStart = treeMemory(pid).now
  await load(port, { ...one, seconds: 5 })
  await sleep(1_000)
  const afterLoad = treeMemory(pid).now
  await sendEach(port, many)
  await sleep(1_000)
  const afterMany = treeMemory(pid).now
  say(`  ${name}: ${figure(afterMany / MIB)} MiB`)
  return { name, atStart, afterLoad, afterMany }
}
