import type { Log } from '../edge/log.ts'
import type { Refusal } from '../edge/refusals.ts'
import { timer } from '../timer.ts'
import { type Member, type MemberTools, startMember } from './member.ts'
import type { StartFault } from './messages.ts'
import { type End, WORKERS } from './processes.ts'

/** Workers that serve together on one address; one that dies is replaced. */
export interface Team {
  /** Begins all of them. Resolves when all listen; rejects where one cannot begin. */
  readonly begin: () => Promise<void>
  /** Whether all have listened once. */
  readonly isComplete: () => boolean
  readonly members: () => readonly Member[]
  /** Lets what is in flight finish, for some milliseconds at most; resolves when nobody is left. */
  readonly stop: (limit: number) => Promise<void>
  /** Ends all of them, now. */
  readonly kill: () => void
}

export interface TeamOptions extends MemberTools {
  readonly size: number
  readonly log: Log
  readonly onReplaced: () => void
  /** Requests that were refused, by whichever of them. */
  readonly onRefused: (refusals: readonly Refusal[]) => void
  /** Nothing more comes from a worker that has ended. */
  readonly onClosed: (member: Member) => void
}

/** Milliseconds after which a worker that has died is replaced, the second time in a row and at most. */
const FIRST_PAUSE = 100
const LONGEST_PAUSE = 30_000

/** A worker that has lived so long did not die of its beginning; milliseconds. */
const SETTLED = 60_000

/** Milliseconds on top of what requests in flight get, to close everything else. */
const CLOSING = 5_000

export function createTeam(options: TeamOptions): Team {
  const { size, log, onReplaced, onRefused, onClosed } = options
  const members = new Set<Member>()
  const open = new Set<Member>()
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  let phase: 'starting' | 'serving' | 'stopping' = 'starting'
  let noticeClosed = () => {}

  /** One place in the team, and those who take it one after the other. */
  const fill = (deathsInARow: number): void => {
    const member = startMember(options, {
      onRefused,
      onListening: () => {
        if (phase === 'starting' && [...members].every(one => one.isListening())) {
          phase = 'serving'
          resolve()
        }
      },
      onExit: (end, fault) => {
        members.delete(member)
        if (phase === 'stopping') return
        const replaceable = phase === 'serving' || wasSignalled(end)
        if (replaceable) replace(member, deathsInARow, end, fault)
        else reject(beginFault(end, fault))
      },
      onClose: () => {
        open.delete(member)
        onClosed(member)
        noticeClosed()
      },
    })
    members.add(member)
    open.add(member)
  }

  function replace(member: Member, before: number, end: End, fault: StartFault | undefined): void {
    const settled = Date.now() - member.startedAt >= SETTLED
    const deaths = settled ? 1 : before + 1
    const pause = pauseAfter(deaths)
    const { pid } = member
    log.error({ pid, ...end, error: fault?.message, replacedInMs: pause }, 'worker died')
    timer(() => {
      if (phase === 'stopping') return
      onReplaced()
      fill(deaths)
    }).start(pause)
  }

  const kill = () => {
    phase = 'stopping'
    for (const member of members) member.kill()
  }
  const stop = async (limit: number) => {
    phase = 'stopping'
    const late = timer(() => {
      log.warn({ pids: [...members].map(({ pid }) => pid) }, 'workers did not end in time')
      kill()
    })
    late.start(limit + CLOSING)
    for (const member of members) member.drain()
    await new Promise<void>(done => {
      noticeClosed = () => {
        if (open.size === 0) done()
      }
      noticeClosed()
    })
    late.stop()
  }

  const begin = () => {
    for (let place = 0; place < size; place++) fill(0)
    return listening
  }
  const isComplete = () => phase === 'serving'
  return { begin, isComplete, members: () => [...members], stop, kill }
}

/** A signal to all processes of a group may come before a worker has begun to ignore it. */
const wasSignalled = ({ signal }: End) =>
  signal === 'SIGTERM' || signal === 'SIGINT' || signal === 'SIGHUP'

/** At once after the first death. */
const pauseAfter = (deaths: number): number =>
  deaths === 1 ? 0 : Math.min(FIRST_PAUSE * 2 ** (deaths - 2), LONGEST_PAUSE)

/** What the start of one process would have failed with. */
function beginFault({ code, signal }: End, fault: StartFault | undefined): Error {
  if (fault) return Object.assign(new Error(fault.message), fault)
  const how = signal === null ? `with status ${code}` : `by ${signal}`
  const message = `a worker ended ${how} before it listened`
  return Object.assign(new Error(message), { code: WORKERS })
}
