import type { Admission } from '../gate.ts'
import type { Origin, UpstreamRequest } from '../model.ts'
import { type Denial, isDenial } from '../policy/denial.ts'
import { upstreamRequest } from '../policy/headers.ts'
import type { Target } from '../upstream/targets.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { noteRoute } from './conversation.ts'
import type { RequestRecord } from './record.ts'

/** A request that may go to its upstream, and the token that the API gets of its own. */
export type Forward = Extract<Admission, { kind: 'forward' }> & { readonly apiToken?: string }

/** What became of an attempt; those that return `true` have begun another one. */
interface AttemptEvents {
  readonly onUnreachable: () => boolean
  readonly onUnanswered: () => boolean
  readonly onDone: () => void
}

/** Sends the request to one origin. */
export type Send = (target: Target, outgoing: UpstreamRequest, events: AttemptEvents) => void

interface Attempts {
  readonly upstreams: Upstreams
  readonly record: RequestRecord
  /** The caller's side: nothing is sent for one that has gone. */
  readonly caller: {
    readonly destroyed: boolean
    once(event: 'close', listener: () => void): unknown
  }
  readonly refuse: (denial: Denial) => void
  readonly send: Send
}

/** Sends a permitted request to its upstream when its turn comes: to one origin after the other. */
export function attempt(forward: Forward, attempts: Attempts): void {
  const { upstreams, record, caller, refuse } = attempts
  const { permit } = forward
  noteRoute(record, permit)
  // The caller may have left while its token was verified; nothing would end the exchange then.
  if (caller.destroyed) return
  const go = (whenDone: () => void) => tryAll(forward, attempts, whenDone)
  const leave = upstreams.enter(permit.route.dataSource.upstream, go, refuse)
  if (leave) caller.once('close', leave)
}

function tryAll(
  { permit, request, apiToken }: Forward,
  { upstreams, record, refuse, send }: Attempts,
  whenDone: () => void,
): void {
  const { upstream } = permit.route.dataSource
  const tried = new Set<Origin>()
  let repeated = false

  const tryNext = (): boolean => {
    const target = upstreams.next(upstream, tried)
    if (!target) return false
    tried.add(target.origin)
    const outgoing = upstreamRequest(permit, request, target.origin, record.requestId, apiToken)
    if (isDenial(outgoing)) {
      whenDone()
      refuse(outgoing)
      return true
    }
    record.sentAt = performance.now()
    send(target, record.trace?.sendTo(outgoing) ?? outgoing, events)
    return true
  }
  const events: AttemptEvents = {
    onUnreachable: tryNext,
    // Once, and elsewhere where there is an elsewhere: most often the connection was just too old.
    onUnanswered: () => {
      if (repeated) return false
      repeated = true
      if (!upstreams.hasOther(upstream, tried)) tried.clear()
      return tryNext()
    },
    onDone: leaving(record, whenDone),
  }
  tryNext()
}

/** Apart, since a WebSocket holds it for days: nothing of the request is held with it. */
const leaving =
  ({ trace }: RequestRecord, whenDone: () => void) =>
  (): void => {
    trace?.received()
    whenDone()
  }
