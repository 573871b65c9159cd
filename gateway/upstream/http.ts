import type { GatewayRequest, Permit, UpstreamRequest } from '../model.ts'
import type { Denial } from '../policy/denial.ts'
import { timerLimit } from '../timer.ts'
import { type BodyLimits, meterBody, type RequestBody } from './body.ts'
import type { CallerBody, CallerResponse } from './caller.ts'
import { isStaleConnection, upstreamDenial } from './faults.ts'
import type { AnswerHead } from './parser.ts'
import { Relay } from './relay.ts'
import type { Answering, Holder, Sending } from './sending.ts'
import type { Target } from './targets.ts'

export interface Exchange {
  /** Proof that the request may be sent: nothing is forwarded without it. */
  readonly permit: Permit
  readonly request: GatewayRequest
  readonly outgoing: UpstreamRequest
  readonly incoming: CallerBody
  readonly response: CallerResponse
  readonly requestId: string
  /** What a caller may take for a body, in milliseconds. */
  readonly limits: Pick<BodyLimits, 'bodyIdle' | 'requestTimeout'>
  /** When the answer is broken off, if it still runs, in milliseconds since the epoch. */
  readonly closeAt: number | undefined
  /** The head of the answer is about to be written. */
  readonly onHead: () => void
  /** No connection came about, so nothing was sent; `true` where another origin is tried instead. */
  readonly onUnreachable: (error: Error) => boolean
  /** The connection ended before any byte of an answer to a request that may be sent again. */
  readonly onUnanswered: () => boolean
  /** Nothing has been answered yet, and this is why nothing of the upstream will be. */
  readonly onDenied: (denial: Denial) => void
  /** The answer broke off in the middle; the connection of the caller is broken too. */
  readonly onBroken: (cause: string) => void
  /** The upstream has nothing more to do with the request, whatever its caller still has to read. */
  readonly onDone: () => void
}

/** What may be sent a second time when nothing of an answer has come (contract 4). */
const isRepeatable = ({ request: { body }, outgoing: { method } }: Exchange): boolean =>
  body.kind === 'none' && (method === 'GET' || method === 'HEAD')

/** An answer that begins when its token expires is given this long, in milliseconds. */
const LEAST_ANSWER = 1_000

/** @param closeAt milliseconds since the epoch */
const timeLeft = (closeAt: number): number =>
  timerLimit(Math.max(closeAt - Date.now(), LEAST_ANSWER))

/** Sends a request to an origin of its upstream and streams the answer back. */
export function forwardHttp(target: Target, exchange: Exchange): void {
  new Forwarding(target, exchange).begin()
}

/** One request on its way to an origin, and its answer on the way back. */
class Forwarding implements Answering {
  readonly #target: Target
  readonly #exchange: Exchange
  readonly #relay: Relay
  #body: RequestBody | undefined
  #sending: Sending | undefined
  /** Why it was given up, where that is told to the caller. */
  #refusal: Denial | undefined
  #answerBegan = false
  #expiry: NodeJS.Timeout | undefined

  constructor(target: Target, exchange: Exchange) {
    const { permit, response, requestId } = exchange
    this.#target = target
    this.#exchange = exchange
    this.#relay = new Relay(response, requestId, permit.route.dataSource.upstream.idleTimeout)
  }

  begin(): void {
    const { permit, response, outgoing } = this.#exchange
    const { timeout } = permit.route.dataSource.upstream
    const body = openBody(this.#exchange, denial => this.#abort(denial))
    this.#body = body
    this.#target.begins()
    response.on('close', this.#onClose)
    const { method, target, headers } = outgoing
    this.#sending = this.#target.send({ method, target, headers, body, timeout }, this)
  }

  onBegan(): void {
    this.#answerBegan = true
  }

  onHead(head: AnswerHead): void {
    const { closeAt, onHead } = this.#exchange
    this.#target.succeeded()
    if (closeAt !== undefined) {
      const expire = () => this.#abort(undefined, 'the token has expired')
      this.#expiry = setTimeout(expire, timeLeft(closeAt))
    }
    onHead()
    this.#relay.head(head)
  }

  onData(chunk: Buffer, isLast: boolean): Holder | undefined {
    return this.#relay.data(this.#sending as Sending, chunk, isLast)
  }

  onEnd(): void {
    this.#settle()
    this.#relay.end()
    this.#exchange.onDone()
  }

  onUnreachable(error: Error): void {
    const { response, onUnreachable } = this.#exchange
    this.#settle()
    const denial = upstreamDenial(error)
    this.#target.failed('unreachable', denial.cause ?? denial.denied)
    if (!response.destroyed && onUnreachable(error)) return
    fail(this.#exchange, denial, error)
  }

  onError(error: Error): void {
    const { response, onUnanswered } = this.#exchange
    this.#settle()
    const denial = this.#refusal ?? upstreamDenial(error)
    if (!response.destroyed && !this.#body?.hasBrokenOff() && isBlamed(response, denial)) {
      this.#target.failed('unanswered', denial.cause ?? denial.denied)
    }
    const mayRepeat = !response.destroyed && !this.#refusal && !this.#answerBegan
    const isUnanswered = mayRepeat && isStaleConnection(error) && isRepeatable(this.#exchange)
    if (isUnanswered && onUnanswered()) return
    fail(this.#exchange, denial, error)
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

/** Bodies of any method are framed anew: by their length where it is known, else in chunks. */
function openBody(
  { incoming, request, permit, limits }: Exchange,
  refuse: (denial: Denial) => void,
): RequestBody | undefined {
  if (request.body.kind === 'none') return undefined
  const { maxBody, upstream } = permit.route.dataSource
  const length = request.body.kind === 'length' ? request.body.bytes : undefined
  const all = { ...limits, maxBody, upstreamIdle: upstream.idleTimeout }
  return meterBody(incoming, length, all, refuse)
}

function fail(
  { response, onHead, onDenied, onBroken, onDone }: Exchange,
  denial: Denial,
  error: Error,
) {
  onDone()
  if (response.headersSent) {
    // Half an answer must not look like a whole one: the caller's connection breaks too.
    response.destroy()
    onBroken(denial.cause ?? error.message)
    return
  }
  onHead()
  onDenied(denial)
}
