import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { ROOT } from '../support/gateway.ts'
import type { Bench } from './bench.ts'
import { gateway } from './contestants/gateway.ts'
import type { Scenario } from './scenario.ts'
import { markdown } from './table.ts'

/** Rows of the table. */
const ROWS = 30

/** The parts of V8's format that are read; times in microseconds. */
const PROFILE = z.object({
  startTime: z.number(),
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({
        functionName: z.string(),
        url: z.string(),
        lineNumber: z.number(),
      }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
})
type Profile = z.infer<typeof PROFILE>

/**
 * Runs a scenario with the gateway alone under V8's profiler, and tells in which functions its main
 * thread spent its time. Threads of the pool, where WebCrypto works, are not in it.
 */
export async function profileGateway(
  bench: Bench,
  scenario: Scenario,
  folder: string,
): Promise<string> {
  const profile = join(resolve(folder), scenario.name)
  mkdirSync(profile, { recursive: true })
  const before = new Set(readdirSync(profile))
  let listeningAt = 0
  const start: Bench['start'] = async (contestant, changes) => {
    const running = await bench.start(contestant, { ...changes, profile })
    listeningAt = Number(process.hrtime.bigint() / 1000n)
    return running
  }
  await scenario.run({ ...bench, contestants: [gateway], start })
  const written = readdirSync(profile).filter(name => !before.has(name))
  const tables = written.map(name => {
    const text = readFileSync(join(profile, name), 'utf8')
    return `${name}\n\n${tableOf(PROFILE.parse(JSON.parse(text)), listeningAt)}`
  })
  return `### ${scenario.name}\n\n${tables.join('\n\n')}\n`
}

/** The functions that took most, without what they called; the start of the process is left out. */
function tableOf({ startTime, nodes, samples, timeDeltas }: Profile, from: number): string {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const times = new Map<string, number>()
  let at = startTime
  let total = 0
  for (const [i, sample] of samples.entries()) {
    const delta = timeDeltas[i] ?? 0
    at += delta
    const name = names.get(sample) ?? ''
    if (at < from || name === '(idle)') continue
    total += delta
    times.set(name, (times.get(name) ?? 0) + delta)
  }
  const most = [...times].sort(([, a], [, b]) => b - a).slice(0, ROWS)
  const rows = most.map(([name, time]) => [name, ((100 * time) / total).toFixed(1)])
  return markdown(['function', '% of the busy time'], rows)
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const path = url.replace(`file://${ROOT}`, '').replace(/^.*node_modules\//, '')
  const name = functionName === '' ? '(anonymous)' : functionName
  return path === '' ? name : `\`${name}\` ${path}:${lineNumber + 1}`
}
