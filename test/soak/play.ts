import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, type Caller, isAnswer, openCaller, type Silence } from '../load/caller.ts'
import { valuesIn } from '../load/read-messages.ts'
import { judge } from './judge.ts'
import type { Shot } from './shot.ts'
import type { Stalls } from './stalls.ts'

/** What was wrong, with all that is needed to look at it again. */
export type Offence = {
  readonly shot: Shot
  readonly why: string
  readonly came?: Answer | Silence
}

export class Offended extends Error {
  readonly offence: Offence
  constructor(offence: Offence) {
    super(`${offence.shot.kind} (${offence.shot.number}): ${offence.why}`)
    this.offence = offence
  }
}

/** Milliseconds in which the gateway must close a connection that it has no further use for. */
const CLOSING = 15_000

/** One worker's connections to the gateway. */
export type Player = {
  /** Requests on a connection that is kept, written at once; the answers in their order. */
  volley(shots: readonly Shot[]): Promise<void>
  /** A request on a connection of its own. */
  alone(shot: Shot): Promise<void>
  /** Begins anew with the next request. */
  hangUp(): void
}

export type PlayerTools = {
  readonly port: number
  readonly stalls: Stalls
  /** Told what came of each request. */
  readonly note: (shot: Shot, came: string) => void
}

export function createPlayer({ port, stalls, note }: PlayerTools): Player {
  let kept: Caller | undefined

  const check = (shot: Shot, came: Answer | Silence, caller: Caller, began: number): void => {
    const why = caller.fault() ?? judge(shot, came)
    // A caller that is held up is let go, as it should be.
    const mayBeLate = !isAnswer(came) || came.status === 408
    const isExcused = why !== undefined && mayBeLate && stalls.since(began)
    if (why !== undefined && !isExcused) throw new Offended({ shot, why, came })
    const status = isAnswer(came) ? String(came.status) : 'no answer'
    note(shot, isExcused ? 'held up here' : status)
  }

  const volley = async (shots: readonly Shot[]): Promise<void> => {
    if (kept?.isIdle() !== true) kept = openCaller(port)
    const caller = kept
    const began = performance.now()
    const coming = shots.map(shot => caller.answer(shot.method))
    for (const shot of joined(shots)) await writePieces(caller, shot)
    for (const [i, shot] of shots.entries()) {
      const came = (await coming[i]) ?? { silence: 'not asked' }
      check(shot, came, caller, began)
      if (saysClose(came)) hangUp()
    }
  }

  const alone = async (shot: Shot): Promise<void> => {
    const began = performance.now()
    const caller = openCaller(port)
    const coming = caller.answer(shot.method)
    await writePieces(caller, shot.pieces)
    if (shot.after === 'reset') caller.socket.resetAndDestroy()
    if (shot.after === 'end') caller.socket.end()
    const came = await coming
    try {
      check(shot, came, caller, began)
      if (shot.expect.kind === 'tunnel') {
        await converse(shot, caller, shot.expect.messages)
        if (shot.after === 'closes') caller.socket.end()
      }
      if (shot.after === 'closes') await mustClose(shot, caller)
    } finally {
      caller.socket.destroy()
    }
  }

  const hangUp = (): void => {
    kept?.socket.destroy()
    kept = undefined
  }
  return { volley, alone, hangUp }
}

const saysClose = (came: Answer | Silence): boolean =>
  isAnswer(came) && valuesIn(came.headers, 'connection').some(value => /close/i.test(value))

/** What can be written at once, is. */
function joined(shots: readonly Shot[]): readonly Shot['pieces'][] {
  const [only] = shots
  if (shots.length === 1 && only !== undefined) return [only.pieces]
  const bytes = shots.flatMap(({ pieces }) => pieces.filter(piece => typeof piece !== 'number'))
  return [[Buffer.concat(bytes)]]
}

async function writePieces(caller: Caller, pieces: Shot['pieces']): Promise<void> {
  for (const piece of pieces) {
    if (typeof piece === 'number') await sleep(piece)
    else if (caller.socket.writable) caller.write(piece)
  }
}

/** Each message must come back as it went. */
async function converse(shot: Shot, caller: Caller, messages: readonly Buffer[]): Promise<void> {
  let came = Buffer.alloc(0)
  let more = () => {}
  caller.onTunnel(chunk => {
    came = Buffer.concat([came, chunk])
    more()
  })
  for (const message of messages) {
    const before = came.length
    const whole = new Promise<void>(resolve => {
      more = () => came.length >= before + message.length && resolve()
    })
    caller.write(message)
    const late = sleep(CLOSING, 'late' as const, { ref: false })
    if ((await Promise.race([whole, caller.ended, late])) === 'late') break
    if (caller.socket.destroyed) break
  }
  const said = Buffer.concat(messages)
  if (!came.equals(said)) {
    throw new Offended({ shot, why: `of ${said.length} bytes ${came.length} came back` })
  }
}

async function mustClose(shot: Shot, caller: Caller): Promise<void> {
  const late = sleep(CLOSING, 'late' as const, { ref: false })
  const how = await Promise.race([caller.ended, late])
  const fault = caller.fault()
  if (fault !== undefined) throw new Offended({ shot, why: fault })
  if (how === 'late') throw new Offended({ shot, why: 'its connection was not closed' })
}
