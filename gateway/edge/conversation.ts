import type { TokenTools } from '../gate.ts'
import type { RawRequest } from '../model.ts'
import type { Denial } from '../policy/denial.ts'
import type { Policy } from '../policy/policy.ts'
import type { CallerBody, CallerResponse } from '../upstream/caller.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { Exchanges } from './exchanges.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { type Answer, hasOrigin, problem } from './problem.ts'
import {
  beginRecord,
  CLIENT_CLOSED,
  noteDenial,
  type Recorder,
  type RequestRecord,
} from './record.ts'
import type { Tracing } from './trace.ts'
import type { Asking } from './verdict.ts'

/** A policy in service, with what verifies and exchanges tokens for it. */
export interface Service {
  readonly policy: Policy
  readonly tokens: TokenTools
  readonly exchanges: Exchanges
}

export interface EdgeTools {
  /** The service in force; a request keeps the one that it began with. */
  readonly current: () => Service
  /** Whether connections are to close with their next answer. */
  readonly draining: () => boolean
  readonly upstreams: Upstreams
  readonly log: Log
  readonly metrics: Metrics
  readonly record: Recorder
  /** Where traces are asked for. */
  readonly tracing: Tracing | undefined
}

/** One request as it comes, and where its answer goes. */
export interface Caller {
  readonly raw: RawRequest
  readonly incoming: CallerBody
  readonly response: CallerResponse
  /** Waits with its body until it is told to go on (`Expect: 100-continue`). */
  readonly waits: boolean
  /** Whether further requests of the same connection wait for the answer to this one. */
  hasMore(): boolean
}

/** One request and its answer, with what is written down about them. */
export class Conversation implements Asking {
  readonly caller: Caller
  readonly record: RequestRecord
  readonly #tools: EdgeTools
  #asksToContinue: boolean

  constructor(tools: EdgeTools, caller: Caller) {
    this.caller = caller
    this.record = beginRecord(caller.raw, tools.tracing)
    this.#tools = tools
    this.#asksToContinue = caller.waits
    tools.metrics.inFlight.requests += 1
    caller.response.on('close', () => this.#end())
  }

  get raw(): RawRequest {
    return this.caller.raw
  }

  #end(): void {
    const { record } = this
    const { response } = this.caller
    this.#tools.metrics.inFlight.requests -= 1
    if (!response.writableFinished) record.aborted = true
    record.status = response.headersSent ? response.statusCode : CLIENT_CLOSED
    this.#tools.record(record)
  }

  /** To be called before any head of an answer is written. */
  beforeHead(): void {
    const { response } = this.caller
    // What came before the signal is answered: the last of it closes the connection.
    if (this.#tools.draining() && !this.caller.hasMore()) response.shouldKeepAlive = false
    // Who asked and was refused may send the body or not: nobody can tell what would follow.
    if (this.#asksToContinue) response.shouldKeepAlive = false
  }

  answer({ status, headers, body }: Answer): void {
    const { response } = this.caller
    if (response.destroyed) return
    this.beforeHead()
    response.writeHead(status, [...headers])
    response.end(body)
  }

  refuse(denial: Denial): void {
    noteDenial(this.record, denial)
    this.answer(problem(denial, this.record.requestId, hasOrigin(this.raw.headers)))
  }

  giveUp(): void {
    this.caller.response.destroy()
  }

  /** Tells a caller that asked (`Expect: 100-continue`) to send its body. */
  sayContinue(): void {
    if (this.#asksToContinue) this.caller.response.writeContinue()
    this.#asksToContinue = false
  }
}
