import type { Insight, Loaded } from '../../policy/parse.ts'
import { decidingLine, hintsFor } from '../hints.ts'
import { excerptLines, marginOf } from '../report.ts'
import { painter, type Terminal } from '../terminal.ts'
import { type Cell, percentOf } from './coverage.ts'
import type { Mutation } from './mutations.ts'
import { type Result, requestOf } from './run.ts'

type Sound = Extract<Loaded, { ok: true }>

/** A case that failed: what it expected, what came of it, and the line of the policy that decided. */
export function failureLines(result: Result, loaded: Sound, terminal: Terminal): string[] {
  const paint = painter(terminal)
  const { trial, decision, differences } = result
  const { suite, path } = trial
  const at = suite.excerptAt([...path, 'request'])
  const lines = [`${paint('red', 'FAIL')} ${suite.file}:${at.line}: ${trial.name}`]
  for (const { of, expected, actual, path: step } of differences) {
    const own = suite.excerptAt([...path, 'expect', ...step.map(numbered)])
    const mark = (text: string) => paint('red', text)
    lines.push(...excerptLines(own, { margin: marginOf([own]), mark: '^', paint: mark }))
    if (of !== '') lines.push(`     ${of}`)
    lines.push(`     ${paint('green', '-')} expected  ${expected}`)
    lines.push(`     ${paint('red', '+')} got       ${actual}`)
  }
  const decided = decidingLine(decision, loaded)
  if (decided && differences.some(({ of }) => of === '')) {
    const mark = (text: string) => paint('cyan', text)
    lines.push(`     decided by ${loaded.policy.file}:${decided.line}`)
    lines.push(...excerptLines(decided, { margin: marginOf([decided]), mark: '-', paint: mark }))
  }
  const hints = hintsFor(decision, loaded.policy, requestOf(trial, loaded.policy))
  const useful = decision.denial?.denied === 'token_missing' ? [] : hints
  return [...lines, ...useful.map(hint => `     = ${hint}`)]
}

const numbered = (step: string): string | number => (/^\d+$/.test(step) ? Number(step) : step)

/** The share of what the policy says that cases show, and the rest where it is asked for. */
export function coverageLines(file: string, cells: readonly Cell[], all: boolean): string[] {
  const met = cells.filter(cell => cell.met).length
  const percent = percentOf(cells)
  const rest = all || met === cells.length ? '' : ', --fail-under 100 names the rest'
  const head = `coverage of ${file}: ${met} of ${cells.length} (${percent} %)${rest}`
  if (!all) return [head]
  const missing = cells.filter(cell => !cell.met)
  return [head, ...missing.map(cell => `  no case tries ${describe(cell)}`)]
}

function describe({ route, method, what }: Cell): string {
  const [list = '', pattern = ''] = route.key.split(/[ \t]+/)
  const own = list === method ? route.key : `${method} ${pattern}`
  return `${own} ${what} (line ${route.line})`
}

/** Which mutations went through all cases without being noticed. */
export function mutationLines(
  file: string,
  total: number,
  unnoticed: readonly Mutation[],
  { excerptAt }: Pick<Insight, 'excerptAt'>,
): string[] {
  const head = `mutations of ${file}: ${total - unnoticed.length} of ${total} noticed`
  const lines = unnoticed.map(({ what, path }) => {
    const { line } = excerptAt(path, typeof path.at(-1) === 'string' ? 'key' : 'value')
    return `  without ${what} (line ${line}) all cases pass`
  })
  return [head, ...lines]
}
