import { writeFileSync } from 'node:fs'
import { loadCases, type Suite } from '../policy/case-file.ts'
import type { Loaded } from '../policy/parse.ts'
import { coverageOf, percentOf } from './cases/coverage.ts'
import { asJunit } from './cases/junit.ts'
import { type Mutation, mutationsOf } from './cases/mutations.ts'
import { coverageLines, failureLines, mutationLines } from './cases/print.ts'
import { type Result, runTrial, type Trial, trialsOf } from './cases/run.ts'
import { loadFor } from './check.ts'
import { asLines } from './report.ts'
import { type ExitStatus, painter, type Terminal } from './terminal.ts'

export interface TestOptions {
  /** The policy file, instead of those that the test files name. */
  readonly policy?: string
  /** The least percent of coverage. */
  readonly failUnder?: number
  readonly mutate: boolean
  /** A file for the results as JUnit's XML. */
  readonly junit?: string
}

/** Test files of one policy, in one environment. */
interface Group {
  readonly loaded: Extract<Loaded, { ok: true }>
  readonly trials: readonly Trial[]
}

/** `test FILE…`: runs the cases of test files against their policies, offline. */
export async function test(
  files: readonly string[],
  options: TestOptions,
  terminal: Terminal,
): Promise<ExitStatus> {
  const suites = files.map(file => suiteOf(file, options, terminal))
  if (!suites.every(suite => suite !== undefined)) return 1
  const groups = groupsOf(suites, terminal)
  if (!groups) return 1
  const results: Result[] = []
  let ok = true
  for (const group of groups) {
    const own = await runAll(group)
    results.push(...own)
    const passed = own.every(({ differences }) => differences.length === 0)
    const enough = report(own, group, options, terminal)
    const noticed = !options.mutate || (await mutate(group, passed, terminal))
    if (!passed || !enough || !noticed) ok = false
  }
  if (options.junit !== undefined && !writeJunit(options.junit, results, terminal)) ok = false
  return ok ? 0 : 1
}

function suiteOf(file: string, { policy }: TestOptions, terminal: Terminal): Suite | undefined {
  const loaded = loadCases(file, terminal.env, policy)
  if (loaded.ok) return loaded.suite
  for (const finding of loaded.findings) {
    for (const line of asLines(finding, { colours: false })) terminal.err(line)
  }
  return undefined
}

/** Each policy is read once for each environment that files give it; `undefined`: one has a fault. */
function groupsOf(suites: readonly Suite[], terminal: Terminal): Group[] | undefined {
  const together = Map.groupBy(suites, ({ policy, env }) => JSON.stringify([policy, env]))
  const groups = [...together.values()].flatMap(own => {
    const [first] = own
    const loaded = first && loadFor(first.policy, { ...terminal, env: first.env })
    return loaded ? [{ loaded, trials: own.flatMap(trialsOf) }] : []
  })
  return groups.length === together.size ? groups : undefined
}

async function runAll({ loaded, trials }: Group): Promise<Result[]> {
  const results: Result[] = []
  for (const trial of trials) results.push(await runTrial(trial, loaded.policy))
  return results
}

/** Says what came of the cases of one policy, and whether they show enough of it. */
function report(
  results: readonly Result[],
  { loaded }: Group,
  { failUnder }: TestOptions,
  terminal: Terminal,
): boolean {
  const paint = painter(terminal)
  const { file, routes } = loaded.policy
  const failed = results.filter(({ differences }) => differences.length > 0)
  for (const line of failed.flatMap(result => failureLines(result, loaded, terminal))) {
    terminal.out(line)
  }
  const passed = `${results.length - failed.length} of ${results.length} case(s) passed`
  const verdict = failed.length > 0 ? paint('red', 'not ok') : paint('green', 'ok')
  terminal.out(`${verdict} ${file}: ${passed}`)
  const cells = coverageOf(routes, results)
  const isLittle = failUnder !== undefined && percentOf(cells) < failUnder
  for (const line of coverageLines(file, cells, isLittle)) terminal.out(line)
  return !isLittle
}

/** Runs all cases on each policy that has one thing less; says which of them pass all the same. */
async function mutate(
  { loaded, trials }: Group,
  passed: boolean,
  terminal: Terminal,
): Promise<boolean> {
  if (!passed) {
    terminal.out(`mutations of ${loaded.policy.file}: not tried, since cases fail as it is`)
    return false
  }
  const mutations = mutationsOf(loaded)
  const unnoticed: Mutation[] = []
  for (const mutation of mutations) {
    if (!(await isNoticed(mutation, loaded, trials))) unnoticed.push(mutation)
  }
  const { file } = loaded.policy
  const lines = mutationLines(file, mutations.length, unnoticed, loaded)
  for (const line of lines) terminal.out(line)
  return unnoticed.length === 0
}

async function isNoticed(
  { shape }: Mutation,
  { compile }: Group['loaded'],
  trials: readonly Trial[],
): Promise<boolean> {
  const policy = compile(shape)
  for (const trial of trials) {
    const { differences } = await runTrial(trial, policy)
    if (differences.length > 0) return true
  }
  return false
}

function writeJunit(file: string, results: readonly Result[], terminal: Terminal): boolean {
  const lineOf = ({ trial: { suite, path } }: Result) => suite.excerptAt([...path, 'request']).line
  try {
    writeFileSync(file, asJunit(results, lineOf))
    return true
  } catch (error) {
    terminal.err(`error: cannot write ${file}: ${(error as Error).message}`)
    return false
  }
}
