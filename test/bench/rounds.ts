import type { Bench, Running } from './bench.ts'
import type { Load } from './load.ts'
import { measure, type Round } from './measure.ts'
import { figure, median, spread } from './statistics.ts'
import { markdown } from './table.ts'

/** How one scenario loads its contestants. */
export interface Rounds {
  /** Before each round of each contestant; its result is not looked at. */
  readonly warm: Omit<Load, 'seconds'>
  /** The load of a round: the same for all contestants. */
  readonly timed: (round: number) => Omit<Load, 'seconds'> | Promise<Omit<Load, 'seconds'>>
  /** Whether every answer is to be a refusal, or none. */
  readonly refusals?: boolean
  /** How many requests a round has tokens for, where each is to be sent once. */
  readonly once?: number
}

/** Of this many answers, one may be another than it is to be: more is no measurement. */
const TOLERATED = 1_000

/** Seconds before a round, and before the first one: what is compiled while it runs is to be measured compiled. */
const WARM_UP = 1
const FIRST_WARM_UP = 10

/** Measures contestants in turn, round by round, so that what disturbs the machine disturbs all. */
export async function timeRounds(
  { rounds, seconds, say }: Bench,
  contestants: readonly Running[],
  { warm, timed, refusals = false, once = Number.POSITIVE_INFINITY }: Rounds,
): Promise<Round[]> {
  const measured: Round[] = []
  for (let i = 0; i < rounds; i++) {
    const what = { ...(await timed(i)), seconds }
    for (const running of contestants) {
      await measure(running, { ...warm, seconds: i === 0 && rounds > 2 ? FIRST_WARM_UP : WARM_UP })
      const round = await measure(running, what)
      assertAnswered(round, refusals)
      if (round.requests > once) throw new Error(`${running.name}: more requests than tokens`)
      say(
        `  round ${i + 1}, ${running.name}: ${figure(round.cpu)} µs, ${figure(round.perSecond)}/s`,
      )
      measured.push(round)
    }
  }
  return measured
}

function assertAnswered({ name, requests, refused, broken }: Round, refusals: boolean): void {
  const wrong = broken + (refusals ? requests - refused : refused)
  if (wrong * TOLERATED <= requests) return
  throw new Error(`${name}: ${wrong} of ${requests} requests were not answered as they were to be`)
}

const MIB = 1024 * 1024

/** Who the others are compared with, where it takes part. */
const YARDSTICK = 'haproxy'

/**
 * The usual table. The ratio is taken within each round, so that it holds on a machine that was busy
 * in some of them.
 *
 * @param unit what a request is called
 */
export function roundsTable(
  contestants: readonly Running[],
  measured: readonly Round[],
  unit = 'request',
): string {
  const of = (name: string) => measured.filter(round => round.name === name)
  const yardstick = of(YARDSTICK)
  const rows = contestants.map(({ name, contestant }) => {
    const own = of(name)
    const ratios = own.map((round, i) => round.cpu / (yardstick[i]?.cpu ?? Number.NaN))
    return [
      contestant.title(),
      spread(own.map(({ cpu }) => cpu)),
      yardstick.length > 0 ? figure(median(ratios)) : '–',
      spread(own.map(({ perSecond }) => perSecond)),
      figure(median(own.map(({ p50 }) => p50))),
      figure(median(own.map(({ p99 }) => p99))),
      figure(Math.max(...own.map(({ peak }) => peak)) / MIB),
    ]
  })
  return markdown(
    [
      'contestant',
      `CPU µs per ${unit}`,
      '× HAProxy',
      `${unit === 'request' ? 'requests' : unit}/s`,
      'p50 ms',
      'p99 ms',
      'peak RSS MiB',
    ],
    rows,
  )
}
