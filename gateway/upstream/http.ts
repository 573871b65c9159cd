import type { GatewayRequest, Permit, UpstreamRequest } from '../model.ts'
import type { Denial } from '../policy/denial.ts'
import { timerLimit } from '../timer.ts'
import { type BodyLimits, meterBody, type RequestBody } from './body.ts'
import type { CallerBody, CallerResponse } from './caller.ts'
import { isStaleConnection, upstreamDenial } from './faults.ts'
import { relayTo } from './relay.ts'
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
  const { permit, response, requestId, closeAt, outgoing } = exchange
  const { timeout, idleTimeout } = permit.route.dataSource.upstream
  let refusal: Denial | undefined
  let answerBegan = false

  const abort = (denial?: Denial, why = 'the caller has gone') => {
    refusal ??= denial
    sending.abort(new Error(denial?.denied ?? why))
  }
  const body = openBody(exchange, abort)
  const relay = relayTo(response, requestId, idleTimeout)
  let expiry: NodeJS.Timeout | undefined
  const expire = () => abort(undefined, 'the token has expired')
  const ended = target.begin()
  const onClose = () => abort()
  const settle = () => {
    ended()
    clearTimeout(expiry)
    relay.settle()
    // There may be as many attempts as there are origins.
    response.off('close', onClose)
  }
  response.on('close', onClose)

  const { method, target: path, headers } = outgoing
  const sending = target.send(
    { method, target: path, headers, body, timeout },
    {
      onBegan: () => {
        answerBegan = true
      },
      onHead: head => {
        target.succeeded()
        if (closeAt !== undefined) expiry = setTimeout(expire, timeLeft(closeAt))
        exchange.onHead()
        relay.head(head)
      },
      onData: (chunk, isLast) => relay.data(sending, chunk, isLast),
      onEnd: () => {
        settle()
        relay.end()
        exchange.onDone()
      },
      onUnreachable: error => {
        settle()
        const denial = upstreamDenial(error)
        target.failed('unreachable', denial.cause ?? denial.denied)
        if (!response.destroyed && exchange.onUnreachable(error)) return
        fail(exchange, denial, error)
      },
      onError: error => {
        settle()
        const denial = refusal ?? upstreamDenial(error)
        if (!response.destroyed && !body?.hasBrokenOff() && isBlamed(response, denial)) {
          target.failed('unanswered', denial.cause ?? denial.denied)
        }
        const mayRepeat = !response.destroyed && !refusal && !answerBegan
        const isUnanswered = mayRepeat && isStaleConnection(error) && isRepeatable(exchange)
        if (isUnanswered && exchange.onUnanswered()) return
        fail(exchange, denial, error)
      },
    },
  )
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
