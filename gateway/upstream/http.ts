import type { BodyFraming, GatewayRequest, Permit, UpstreamRequest } from '../model.ts'
import type { Denial } from '../policy/denial.ts'
import { timerLimit } from '../timer.ts'
import { type BodyLimits, meterBody, type RequestBody } from './body.ts'
import type { CallerBody, CallerResponse } from './caller.ts'
import { isStaleConnection, upstreamDenial } from './faults.ts'
import type { AnswerHead } from './parser.ts'
import { Relay } from './relay.ts'
import type { Answering, Holder, Sending } from './sending.ts'
import type { Target } from './targets.ts'

/** A request and its answer, whatever origin it is sent to. */
export interface Exchange {
  /** Proof that the request may be sent: nothing is forwarded without it. */
  readonly permit: Permit
  readonly request: GatewayRequest
  readonly incoming: CallerBody
  readonly response: CallerResponse
  readonly requestId: string
  /** What a caller may take for a body, in milliseconds. */
  readonly limits: Pick<BodyLimits, 'bodyIdle' | 'requestTimeout'>
  /** When the answer is broken off, if it still runs, in milliseconds since the epoch. */
  readonly closeAt: number | undefined
  /** The head of the answer is about to be written. */
  onHead(): void
  /** Nothing has been answered yet, and this is why nothing of the upstream will be. */
  refuse(denial: Denial): void
  /** The answer broke off in the middle; the connection of the caller is broken too. */
  onBroken(cause: string): void
}

/** What becomes of one attempt to have a request answered. */
export interface Attempt {
  /** No connection came about, so nothing was sent; `true` where another origin is tried instead. */
  onUnreachable(): boolean
  /**
   * The connection ended before any byte of an answer to a request that may be sent again; `true` where
   * it is.
   */
  onUnanswered(): boolean
  /** The upstream has nothing more to do with the request, whatever its caller still has to read. */
  onDone(): void
}

/** What may be sent a second time when nothing of an answer has come (contract 4). */
const isRepeatable = ({ body, method }: GatewayRequest): boolean =>
  body.kind === 'none' && (method === 'GET' || method === 'HEAD')

/** An answer that begins when its token expires is given this long, in milliseconds. */
const LEAST_ANSWER = 1_000

/** @param closeAt milliseconds since the epoch */
const timeLeft = (closeAt: number): number =>
  timerLimit(Math.max(closeAt - Date.now(), LEAST_ANSWER))

/** Sends a request to an origin of its upstream and streams the answer back. */
export function forwardHttp(
  target: Target,
  outgoing: UpstreamRequest,
  exchange: Exchange,
  attempt: Attempt,
): void {
  new Forwarding(target, exchange, attempt).begin(outgoing)
}

/** One request on its way to an origin, and its answer on the way back. */
class Forwarding implements Answering {
  readonly #target: Target
  readonly #exchange: Exchange
  readonly #attempt: Attempt
  readonly #relay: Relay
  #body: RequestBody | undefined
  #sending: Sending | undefined
  /** Why it was given up, where that is told to the caller. */
  #refusal: Denial | undefined
  #answerBegan = false
  #expiry: NodeJS.Timeout | undefined

  constructor(target: Target, exchange: Exchange, attempt: Attempt) {
    const { permit, response, requestId } = exchange
    this.#target = target
    this.#exchange = exchange
    this.#attempt = attempt
    this.#relay = new Relay(response, requestId, permit.route.dataSource.upstream.idleTimeout)
  }

  begin({ method, target, headers }: UpstreamRequest): void {
    const { permit, request, response } = this.#exchange
    const { timeout } = permit.route.dataSource.upstream
    const body = request.body.kind === 'none' ? undefined : this.#openBody(request.body)
    this.#body = body
    this.#target.begins()
    response.on('close', this.#onClose)
    this.#sending = this.#target.send({ method, target, headers, body, timeout }, this)
  }

  /** Bodies of any method are framed anew: by their length where it is known, else in chunks. */
  #openBody(body: BodyFraming): RequestBody {
    const { incoming, permit, limits } = this.#exchange
    const { maxBody, upstream } = permit.route.dataSource
    const length = body.kind === 'length' ? body.bytes : undefined
    const all = { ...limits, maxBody, upstreamIdle: upstream.idleTimeout }
    return meterBody(incoming, length, all, denial => this.#abort(denial))
  }

  onBegan(): void {
    this.#answerBegan = true
  }

  onHead(head: AnswerHead): void {
    const { closeAt } = this.#exchange
    this.#target.succeeded()
    if (closeAt !== undefined) this.#endAt(closeAt)
    this.#exchange.onHead()
    this.#relay.head(head)
  }

  #endAt(closeAt: number): void {
    const expire = () => this.#abort(undefined, 'the token has expired')
    this.#expiry = setTimeout(expire, timeLeft(closeAt))
  }

  onData(chunk: Buffer, isLast: boolean): Holder | undefined {
    return this.#relay.data(this.#sending as Sending, chunk, isLast)
  }

  onPart(): void {
    this.#relay.part()
  }

  onEnd(): void {
    this.#settle()
    this.#relay.end()
    this.#attempt.onDone()
  }

  onUnreachable(error: Error): void {
    this.#settle()
    const denial = upstreamDenial(error)
    this.#target.failed('unreachable', denial.cause ?? denial.denied)
    if (!this.#exchange.response.destroyed && this.#attempt.onUnreachable()) return
    this.#fail(denial, error)
  }

  onError(error: Error): void {
    const { request, response } = this.#exchange
    this.#settle()
    const denial = this.#refusal ?? upstreamDenial(error)
    if (!response.destroyed && !this.#body?.hasBrokenOff() && isBlamed(response, denial)) {
      this.#target.failed('unanswered', denial.cause ?? denial.denied)
    }
    const mayRepeat = !response.destroyed && !this.#refusal && !this.#answerBegan
    const isUnanswered = mayRepeat && isStaleConnection(error) && isRepeatable(request)
    if (isUnanswered && this.#attempt.onUnanswered()) return
    this.#fail(denial, error)
  }

  #fail(denial: Denial, error: Error): void {
    const exchange = this.#exchange
    this.#attempt.onDone()
    if (exchange.response.headersSent) {
      // Half an answer must not look like a whole one: the caller's connection breaks too.
      exchange.response.destroy()
      exchange.onBroken(denial.cause ?? error.message)
      return
    }
    exchange.onHead()
    exchange.refuse(denial)
  }

  readonly #onClose = () => this.#abort()

  #abort(denial?: Denial, why = 'the caller has gone'): void {
    this.#refusal ??= denial
    this.#sending?.abort(new Error(denial?.denied ?? why))
  }

  #settle(): void {
    this.#target.ended()
    clearTimeout(this.#expiry)
    this.#relay.settle()
    // There may be as many attempts as there are origins.
    this.#exchange.response.off('close', this.#onClose)
  }
}

/** Whether it was the upstream that failed to answer. */
const isBlamed = ({ headersSent }: CallerResponse, { denied }: Denial): boolean =>
  !headersSent && (denied === 'upstream_unavailable' || denied === 'upstream_timeout')
