import { parseArgs } from 'node:util'
import { offenceLines, progressLine, summaryLines } from './report.ts'
import { soak } from './run.ts'

const HELP = `Usage: npm run soak -- [--requests N] [--connections N] [--seed N] [--attacks SHARE] [--every S]

Sends mixed traffic through a gateway and checks every answer: that the upstream saw exactly the
identity that the token implies, that what should be refused was, that memory and descriptors stay flat.

  --requests N     how many (default 1000000)
  --connections N  how many callers at once (default 64)
  --seed N         the same seed makes the same requests (default: any; it is printed)
  --attacks SHARE  of the requests, 0 to 1 (default 0.05)
  --every S        seconds between two lines that say how it goes (default 10)

Exit status: 0 nothing is wrong, 1 something is: the first wrong answer ends the run and is shown, 2 wrong
usage, 130 after Ctrl-C, which ends the run and shows the summary so far.`

const OPTIONS = {
  requests: { type: 'string', default: '1000000' },
  connections: { type: 'string', default: '64' },
  seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  attacks: { type: 'string', default: '0.05' },
  every: { type: 'string', default: '10' },
  help: { type: 'boolean', default: false },
} as const

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** The numbers asked for; `undefined` where help is what is wanted, throws where they are none. */
function readOptions() {
  const { help, ...texts } = parseArgs({ options: OPTIONS }).values
  if (help) return undefined
  const number = (name: keyof typeof texts, least: number, most: number): number => {
    const value = Number(texts[name])
    const isIn = texts[name] !== '' && value >= least && value <= most
    if (!isIn) throw new Error(`--${name}: expected ${least} to ${most}, got ${texts[name]}`)
    return value
  }
  const whole = (name: keyof typeof texts, least: number, most: number): number => {
    const value = number(name, least, most)
    if (!Number.isInteger(value))
      throw new Error(`--${name}: expected a whole number, got ${value}`)
    return value
  }
  return {
    requests: whole('requests', 1, 1e9),
    connections: whole('connections', 1, 2_000),
    seed: whole('seed', 0, 2 ** 32 - 1),
    attacks: number('attacks', 0, 1),
    every: 1000 * number('every', 0.1, 3600),
  }
}

async function main(): Promise<number> {
  let options: ReturnType<typeof readOptions>
  try {
    options = readOptions()
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${HELP}\n`)
    return 2
  }
  if (options === undefined) {
    say(HELP)
    return 0
  }
  const { requests, connections, seed, attacks } = options
  say(`seed ${seed}, ${requests} requests, ${connections} connections, ${attacks} attacks`)
  const interrupt = new AbortController()
  process.on('SIGINT', () => interrupt.abort())
  const onProgress = (progress: Parameters<typeof progressLine>[0]) => say(progressLine(progress))
  const summary = await soak({ ...options, onProgress, signal: interrupt.signal })
  for (const line of summaryLines(summary)) say(line)
  const { offence, faults } = summary
  if (offence) for (const line of offenceLines(offence)) say(line)
  for (const fault of faults) say(`FAULT: ${fault}`)
  if (offence || faults.length > 0) {
    say(
      `again with --seed ${seed} --connections ${connections} --attacks ${attacks} --requests ${requests}`,
    )
    return 1
  }
  return interrupt.signal.aborted ? 130 : 0
}

process.exitCode = await main()
