import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench, Running } from '../bench.ts'
import { watchOthers } from '../measure.ts'
import { forgetPeak, treeCpu, treeMemory } from '../proc.ts'
import type { Scenario } from '../scenario.ts'
import { figure } from '../statistics.ts'
import { markdown } from '../table.ts'
import { claimsOf } from '../tokens.ts'
import { BIG } from '../upstream.ts'
import { withContestants } from './load.ts'

const MIB = 1024 * 1024

/** Milliseconds for which the caller stops reading: what is not held back now is held in memory. */
const PAUSE = 2_000

export const big: Scenario = {
  name: 'big',
  says: `GET, one answer of ${BIG / MIB} MiB, which its caller stops reading for ${PAUSE / 1000} s`,
  run: bench =>
    withContestants(bench, undefined, async running => {
      const data: BigFigures[] = []
      for (const one of running) data.push(await fetchBig(bench, one))
      const rows = data.map(({ growth, cpu, perSecond }, i) => [
        running[i]?.contestant.title() ?? '',
        figure(growth / MIB),
        figure(cpu),
        figure(perSecond),
      ])
      const columns = ['contestant', 'RSS growth MiB', 'CPU µs per MiB', 'MiB/s']
      const others = data.map(one => one.others)
      return {
        scenario: big.name,
        says: big.says,
        tables: [markdown(columns, rows)],
        data,
        others,
      }
    }),
}

interface BigFigures {
  readonly name: string
  /** Bytes. */
  readonly growth: number
  readonly cpu: number
  readonly perSecond: number
  readonly others: number
}

async function fetchBig(
  { issuer, say }: Bench,
  { name, port, server: { pid } }: Running,
): Promise<BigFigures> {
  const token = issuer.token(claimsOf(issuer))
  await fetchAll(port, '/large', token, 0)
  const before = treeMemory(pid).now
  forgetPeak(pid)
  const others = watchOthers()
  const [cpuBefore, startedAt] = [treeCpu(pid), performance.now()]
  const bytes = await fetchAll(port, '/big', token, PAUSE)
  if (bytes !== BIG) throw new Error(`${name} answered with ${bytes} bytes instead of ${BIG}`)
  const seconds = (performance.now() - startedAt - PAUSE) / 1000
  const growth = treeMemory(pid).peak - before
  say(`  ${name}: ${figure(growth / MIB)} MiB`)
  const size = BIG / MIB
  const cpu = (treeCpu(pid) - cpuBefore) / size
  return { name, growth, cpu, perSecond: size / seconds, others: others() }
}

/** Fetches an answer, throws it away, and counts its bytes. */
function fetchAll(port: number, path: string, token: string, pause: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    const where = { host: '127.0.0.1', port, path, agent: false }
    const request = get({ ...where, headers }, async answer => {
      let bytes = 0
      answer.once('error', reject)
      if (answer.statusCode !== 200) reject(new Error(`${path}: status ${answer.statusCode}`))
      await sleep(pause)
      answer.on('data', chunk => {
        bytes += chunk.length
      })
      answer.once('end', () => resolve(bytes))
    })
    request.once('error', reject)
  })
}
