import type { LineWriter } from '../edge/lines.ts'
import type { Refusal } from '../edge/refusals.ts'
import type { Asked } from '../explain/asked.ts'
import type { Address } from '../policy/scalars.ts'
import type { Snapshot } from '../policy/snapshot.ts'
import type { KeySpaces } from './key-spaces.ts'
import type { FromWorker, Question, StartFault } from './messages.ts'
import { copyLines } from './output.ts'
import { createPending } from './pending.ts'
import type { End, WorkerEvents, WorkerProcess } from './processes.ts'

/** A worker of the team. */
export interface Member {
  readonly pid: number
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly isListening: () => boolean
  /** Resolves when the policy is in force, or the worker gone: false where it takes too long. */
  readonly give: (snapshot: Snapshot) => Promise<boolean>
  /** Resolves with `undefined` where no answer comes within a second. */
  readonly ask: (about: Question) => Promise<unknown>
  /** Resolves with `undefined` where no answer comes within some seconds. */
  readonly explain: (asked: Asked) => Promise<unknown>
  readonly refreshKeys: () => void
  /** Finishes what is in flight, and ends. */
  readonly drain: () => void
  readonly kill: () => void
}

export interface MemberEvents {
  readonly onListening: () => void
  readonly onRefused: (refusals: readonly Refusal[]) => void
  /** @param fault why, where the worker could still say it */
  readonly onExit: (end: End, fault: StartFault | undefined) => void
  /** Nothing more comes from it. */
  readonly onClose: () => void
}

export interface MemberTools {
  readonly start: (events: WorkerEvents) => WorkerProcess
  readonly keySpaces: KeySpaces
  readonly lines: LineWriter
  readonly onDropped: (lines: number) => void
  /** The policies that a worker is given when it begins, one after the other, and where it listens. */
  readonly snapshots: () => readonly Snapshot[]
  readonly listen: Address
}

/** Milliseconds that a worker may take to answer, and to put a policy into force. */
const ANSWER_PATIENCE = 1_000
const POLICY_PATIENCE = 10_000

/** A key that nobody knows yet may have to be fetched. */
const EXPLAIN_PATIENCE = 6_000

/** Begins a worker, and gives it the policy in force as soon as it is there. */
export function startMember(tools: MemberTools, events: MemberEvents): Member {
  const { start, keySpaces, lines, onDropped, snapshots, listen } = tools
  const pending = createPending()
  const identity = {}
  let state: 'starting' | 'begun' | 'listening' | 'gone' = 'starting'
  let fault: StartFault | undefined

  const give = async (next: Snapshot): Promise<boolean> => {
    if (state === 'starting' || state === 'gone') return true
    const send = (id: number) => worker.send({ is: 'policy', id, snapshot: next, listen })
    const answer = await pending.ask(send, POLICY_PATIENCE)
    return answer !== undefined || !isThere()
  }
  const isThere = () => state !== 'gone'

  const onMessage = (message: FromWorker): void => {
    switch (message.is) {
      case 'begun':
        state = 'begun'
        for (const snapshot of snapshots()) void give(snapshot)
        return
      case 'listening':
        state = 'listening'
        events.onListening()
        return
      case 'failed':
        fault = message.fault
        return
      case 'answer':
        pending.answer(message.id, message.value)
        return
      case 'refused':
        events.onRefused(message.refusals)
        return
      case 'store': {
        const value = keySpaces.call(identity, message.space, message.call)
        worker.send({ is: 'stored', id: message.id, value })
      }
    }
  }
  const onExit = (end: End) => {
    state = 'gone'
    pending.giveUp()
    keySpaces.leave(identity)
    events.onExit(end, fault)
  }
  const worker = start({ onMessage, onExit, onClose: events.onClose })
  if (worker.stdout) copyLines(worker.stdout, lines.write, onDropped)

  return {
    pid: worker.pid,
    startedAt: Date.now(),
    isListening: () => state === 'listening',
    give,
    ask: about =>
      pending.askIfHeard(id => worker.send({ is: 'question', id, about }), ANSWER_PATIENCE),
    explain: asked =>
      pending.askIfHeard(id => worker.send({ is: 'explain', id, asked }), EXPLAIN_PATIENCE),
    refreshKeys: () => worker.send({ is: 'refresh' }),
    // One that waits for its policy has accepted nothing.
    drain: () => (state === 'starting' ? worker.kill() : worker.send({ is: 'drain' })),
    kill: worker.kill,
  }
}
