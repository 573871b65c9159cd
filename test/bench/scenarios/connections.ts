import { setTimeout as sleep } from 'node:timers/promises'
import { request } from '../../support/raw.ts'
import type { Bench, Running } from '../bench.ts'
import { pathFile, tokenFile } from '../files.ts'
import { type Load, load } from '../load.ts'
import { treeCpu, treeMemory } from '../proc.ts'
import { roundsTable, timeRounds } from '../rounds.ts'
import type { Scenario } from '../scenario.ts'
import { closeAll, holdConnections } from '../sockets.ts'
import { figure } from '../statistics.ts'
import { markdown } from '../table.ts'
import { claimsOf } from '../tokens.ts'
import { withContestants } from './load.ts'

const BUSY = 512
const IDLE = 10_000

export const connections: Scenario = {
  name: 'connections',
  says: `GET, ${BUSY} connections at once; then the same beside ${IDLE} idle ones`,
  run: bench =>
    withContestants(bench, undefined, async running => {
      const tokens = await tokenFile(bench, 'connections', 1)
      const paths = pathFile(bench, 'connections', ['/courses'])
      const what = { paths, connections: BUSY, tokens }
      const rounds = await timeRounds(bench, running, { warm: what, timed: () => what })
      const idle: IdleFigures[] = []
      for (const one of running) idle.push(await besideIdle(bench, one, what))
      return {
        scenario: connections.name,
        says: connections.says,
        tables: [roundsTable(running, rounds), idleTable(running, idle)],
        data: { rounds, idle },
        others: rounds.map(({ others }) => others),
      }
    }),
}

interface IdleFigures {
  readonly held: number
  /** Bytes. */
  readonly perConnection: number
  /** Microseconds. */
  readonly cpu: number
  /** Milliseconds. */
  readonly p99: number
}

async function besideIdle(
  { issuer, descriptors, seconds, say }: Bench,
  { name, port, contestant, server: { pid } }: Running,
  what: Omit<Load, 'seconds'>,
): Promise<IdleFigures> {
  // A contestant has connections to the API besides, and the bench those of other contestants.
  const room = contestant.mostCallers?.(descriptors) ?? descriptors - 4 * BUSY
  const held = Math.min(IDLE, room - 2 * BUSY - 200)
  const before = treeMemory(pid).now
  const token = issuer.token(claimsOf(issuer))
  const idle = await holdConnections(port, held, request({ token }), 200)
  await sleep(1_000)
  const perConnection = (treeMemory(pid).now - before) / held
  const cpuBefore = treeCpu(pid)
  const result = await load(port, { ...what, seconds })
  const cpu = (treeCpu(pid) - cpuBefore) / result.requests
  closeAll(idle)
  say(`  ${name} beside ${held} idle connections: ${figure(cpu)} µs`)
  return { held, perConnection, cpu, p99: result.p99 / 1000 }
}

const idleTable = (running: readonly Running[], idle: readonly IdleFigures[]): string =>
  markdown(
    ['contestant', 'idle connections', 'KiB each', 'CPU µs per request beside them', 'p99 ms'],
    running.map(({ contestant }, i) => [
      contestant.title(),
      figure(idle[i]?.held ?? Number.NaN),
      figure((idle[i]?.perConnection ?? Number.NaN) / 1024),
      figure(idle[i]?.cpu ?? Number.NaN),
      figure(idle[i]?.p99 ?? Number.NaN),
    ]),
  )
