import { parseArgs } from 'node:util'
import type { Contestant } from './contestant.ts'
import { CONTESTANTS } from './contestants/index.ts'
import type { Scenario } from './scenario.ts'
import { QUICK, SCENARIOS } from './scenarios/index.ts'

export interface Options {
  readonly scenarios: readonly Scenario[]
  readonly contestants: readonly Contestant[]
  readonly rounds: number
  readonly seconds: number
  /** A file for all figures. */
  readonly json: string | undefined
  /** A folder for a profile of the gateway's CPU. */
  readonly profile: string | undefined
}

export const HELP = `npm run bench -- [options]

Measures the gateway beside other programs that do the same work. All run at the same time and are
loaded in turn, round by round; the tables go to stdout as Markdown, everything else to stderr.

  --scenario NAME      only this scenario (may be repeated); see --list
  --contestant NAME    only this contestant (may be repeated): ${CONTESTANTS.map(({ name }) => name).join(', ')}
  --rounds N           rounds of each contestant (5)
  --seconds N          seconds of each round (3)
  --quick              a first look in about 45 seconds: ${QUICK.join(', ')}; 2 rounds of 1 second
  --json FILE          writes every figure of every round to a file
  --profile DIR        instead: where the gateway spends its CPU, by function; the profile goes to DIR
  --list               the scenarios
  --help               this text
`

/** What was typed is wrong; the message says what. */
export class UsageError extends Error {}

/** @returns what to print where nothing is to be run */
export function readOptions(args: readonly string[]): Options | string {
  const { values } = parse(args)
  if (values.help) return HELP
  if (values.list) return SCENARIOS.map(({ name, says }) => `${name.padEnd(13)}${says}\n`).join('')
  const wanted = values.scenario ?? (values.quick ? QUICK : undefined)
  return {
    scenarios: chosen('scenario', SCENARIOS, wanted),
    contestants: chosen('contestant', CONTESTANTS, values.contestant),
    rounds: count('rounds', values.rounds, values.quick ? 2 : 5),
    seconds: count('seconds', values.seconds, values.quick ? 1 : 3),
    json: values.json,
    profile: values.profile,
  }
}

function parse(args: readonly string[]) {
  const several = { type: 'string', multiple: true } as const
  const one = { type: 'string' } as const
  const yes = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        scenario: several,
        contestant: several,
        rounds: one,
        seconds: one,
        quick: yes,
        json: one,
        profile: one,
        list: yes,
        help: { ...yes, short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function chosen<T extends { readonly name: string }>(
  what: string,
  all: readonly T[],
  names: readonly string[] | undefined,
): readonly T[] {
  if (names === undefined) return all
  return names.map(name => {
    const found = all.find(one => one.name === name)
    if (found) return found
    throw new UsageError(`no ${what} ${name}: there are ${all.map(one => one.name).join(', ')}`)
  })
}

function count(what: string, text: string | undefined, usual: number): number {
  if (text === undefined) return usual
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new UsageError(`--${what} takes a whole number above zero`)
  return Number(text)
}
