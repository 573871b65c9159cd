import type { Dispatcher } from 'undici'
import type { GatewayRequest, Permit, UpstreamRequest } from '../model.ts'
import { type Denial, deny } from '../policy/denial.ts'
import { timer } from '../timer.ts'
import { type BodyLimits, type MeteredBody, meterBody } from './body.ts'
import type { CallerBody, CallerResponse } from './caller.ts'
import { isStaleConnection, tooSlow, upstreamDenial } from './faults.ts'
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

/** Sends a request to an origin of its upstream and streams the answer back. */
export function forwardHttp(target: Target, exchange: Exchange): void {
  const { permit, response, requestId, closeAt } = exchange
  const { timeout, idleTimeout } = permit.route.dataSource.upstream
  let controller: Dispatcher.DispatchController | undefined
  let refusal: Denial | undefined
  let answerBegan = false

  const abort = (denial?: Denial, why = 'the caller has gone') => {
    refusal ??= denial
    controller?.abort(new Error(denial?.denied ?? why))
  }
  const onClose = () => abort()
  const body = openBody(exchange, abort)
  const relay = relayTo(response, requestId, idleTimeout)
  const awaitHead = timer(() => abort(tooSlow()))
  const expiry = timer(() => abort(undefined, 'the token has expired'))
  const ended = target.begin()
  const settle = () => {
    ended()
    awaitHead.stop()
    expiry.stop()
    relay.settle()
    response.off('close', onClose)
  }
  response.once('close', onClose)

  target.dispatch(requestOptions(exchange, body), {
    onRequestStart(started) {
      controller = started
      if (response.destroyed) abort()
      else body?.start()
    },
    onRequestSent() {
      // undici's own timer would count the time that the caller takes to send the body, and begin anew
      // with each 1xx.
      awaitHead.start(timeout)
    },
    onResponseStarted() {
      answerBegan = true
    },
    onResponseStart(from, status, _headers, reason) {
      if (status >= 100 && status < 200) return
      awaitHead.stop()
      target.succeeded()
      if (closeAt !== undefined) expiry.start(Math.max(closeAt - Date.now(), LEAST_ANSWER))
      exchange.onHead()
      relay.head(status, reason ?? '', rawHeadersOf(from))
    },
    onResponseData: relay.data,
    onResponseEnd() {
      settle()
      // undici takes a reset for the end of a body that the end of the connection delimits.
      if (target.isBreaking()) return fail(exchange, RESET, new Error(RESET.detail))
      relay.end()
      exchange.onDone()
    },
    onResponseError(_controller, error) {
      settle()
      body?.stream.destroy()
      const denial = refusal ?? upstreamDenial(error)
      if (!controller) {
        target.failed('unreachable', denial.cause ?? denial.denied)
      } else if (!response.destroyed && !body?.hasBrokenOff() && isBlamed(response, denial)) {
        target.failed('unanswered', denial.cause ?? denial.denied)
      }
      const again = !response.destroyed && !refusal && !answerBegan
      if (again && !controller && exchange.onUnreachable(error)) return
      const unanswered = again && isStaleConnection(error) && isRepeatable(exchange)
      if (unanswered && exchange.onUnanswered()) return
      fail(exchange, denial, error)
    },
  })
}

const RESET = deny('upstream_unavailable', 'The connection to the API was reset', {
  cause: 'the connection was reset',
})

/** Whether it was the upstream that failed to answer. */
const isBlamed = ({ headersSent }: CallerResponse, { denied }: Denial): boolean =>
  !headersSent && (denied === 'upstream_unavailable' || denied === 'upstream_timeout')

const requestOptions = (
  { outgoing }: Exchange,
  body: MeteredBody | undefined,
): Dispatcher.DispatchOptions => ({
  method: outgoing.method as Dispatcher.HttpMethod,
  path: outgoing.target,
  headers: outgoing.headers as string[],
  body: body?.stream ?? null,
  headersTimeout: 0,
})

/** Bodies of any method are framed anew: by their length where it is known, else in chunks. */
function openBody(
  { incoming, request, permit, limits }: Exchange,
  refuse: (denial: Denial) => void,
): MeteredBody | undefined {
  if (request.body.kind === 'none') return undefined
  const { maxBody, upstream } = permit.route.dataSource
  return meterBody(incoming, { ...limits, maxBody, upstreamIdle: upstream.idleTimeout }, refuse)
}

const rawHeadersOf = ({ rawHeaders }: Dispatcher.DispatchController) =>
  Array.isArray(rawHeaders) ? rawHeaders : []

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
