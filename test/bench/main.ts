import { writeFileSync } from 'node:fs'
import { openBench } from './bench.ts'
import { assertEqualWork } from './equality.ts'
import { assertTools, installedOnes } from './installed.ts'
import { type Options, readOptions, UsageError } from './options.ts'
import { profileGateway } from './profile.ts'
import { circumstances, describe, describeReport } from './report.ts'
import type { Report } from './scenario.ts'

const say = (text: string) => process.stderr.write(`${text}\n`)

async function run(options: Options): Promise<void> {
  assertTools()
  const contestants = installedOnes(options.contestants, say)
  const { bench, close } = await openBench({ ...options, contestants, say })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void close().finally(() => process.exit(1)))
  }
  try {
    await assertEqualWork(bench)
    if (options.profile !== undefined) {
      for (const scenario of options.scenarios) {
        process.stdout.write(await profileGateway(bench, scenario, options.profile))
      }
      return
    }
    const facts = circumstances(bench)
    process.stdout.write(`${describe(facts)}\n`)
    const reports: Report[] = []
    for (const scenario of options.scenarios) {
      say(`${scenario.name}: ${scenario.says}`)
      const report = await scenario.run(bench)
      reports.push(report)
      process.stdout.write(`${describeReport(report)}\n`)
      if (options.json) writeFileSync(options.json, JSON.stringify({ ...facts, reports }, null, 2))
    }
  } finally {
    await close()
  }
}

try {
  const options = readOptions(process.argv.slice(2))
  if (typeof options === 'string') process.stdout.write(options)
  else await run(options)
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
