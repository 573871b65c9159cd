import type { Admission } from '../gate.ts'
import type { Origin, UpstreamRequest } from '../model.ts'
import { type Denial, isDenial } from '../policy/denial.ts'
import { upstreamRequest } from '../policy/headers.ts'
import type { Visitor } from '../upstream/admission.ts'
import type { Attempt } from '../upstream/http.ts'
import type { Target } from '../upstream/targets.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { noteRoute, type RequestRecord } from './record.ts'

/** A request that may go to its upstream, and the token that the API gets of its own. */
export type Forward = Extract<Admission, { kind: 'forward' }> & { readonly apiToken?: string }

/** What is sent, and on whose behalf. */
export interface Sender {
  readonly record: RequestRecord
  /** The caller's side: nothing is sent for one that has gone. */
  readonly caller: {
    readonly destroyed: boolean
    once(event: 'close', listener: () => void): unknown
  }
  refuse(denial: Denial): void
  /** Sends the request to one origin; what becomes of it is told to `attempts`. */
  send(target: Target, outgoing: UpstreamRequest, attempts: Attempts): void
}

/** A permitted request on its way to its upstream: when its turn comes, to one origin after the other. */
export class Attempts implements Visitor, Attempt {
  readonly #forward: Forward
  readonly #sender: Sender
  readonly #upstreams: Upstreams
  #tried: readonly Origin[] = []
  #whenDone = () => {}
  #repeated = false

  constructor(forward: Forward, sender: Sender, upstreams: Upstreams) {
    this.#forward = forward
    this.#sender = sender
    this.#upstreams = upstreams
  }

  begin(): void {
    const { permit } = this.#forward
    const { record, caller } = this.#sender
    noteRoute(record, permit)
    // The caller may have left while its token was verified; nothing would end the exchange then.
    if (caller.destroyed) return
    const leave = this.#upstreams.enter(permit.route.dataSource.upstream, this)
    if (leave) caller.once('close', leave)
  }

  go(whenDone: () => void): void {
    this.#whenDone = whenDone
    this.#next()
  }

  refuse(denial: Denial): void {
    this.#sender.refuse(denial)
  }

  onUnreachable(): boolean {
    return this.#next()
  }

  /** Once, and elsewhere where there is an elsewhere: most often the connection was just too old. */
  onUnanswered(): boolean {
    if (this.#repeated) return false
    this.#repeated = true
    const { upstream } = this.#forward.permit.route.dataSource
    if (!this.#upstreams.hasOther(upstream, this.#tried)) this.#tried = []
    return this.#next()
  }

  onDone(): void {
    this.#sender.record.trace?.received()
    this.#whenDone()
  }

  /** `onDone` for who holds it for days, as a WebSocket does: nothing of the request is held with it. */
  lastingOnDone(): () => void {
    const { trace } = this.#sender.record
    const whenDone = this.#whenDone
    return () => {
      trace?.received()
      whenDone()
    }
  }

  /** @returns whether another attempt has begun, or the request was refused */
  #next(): boolean {
    const { permit, request, apiToken } = this.#forward
    const { record } = this.#sender
    const target = this.#upstreams.next(permit.route.dataSource.upstream, this.#tried)
    if (!target) return false
    this.#tried = [...this.#tried, target.origin]
    const outgoing = upstreamRequest(permit, request, target.origin, record.requestId, apiToken)
    if (isDenial(outgoing)) {
      this.#whenDone()
      this.refuse(outgoing)
      return true
    }
    record.sentAt = performance.now()
    this.#sender.send(target, record.trace?.sendTo(outgoing) ?? outgoing, this)
    return true
  }
}
