import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Transform } from 'node:stream'
import type { Dispatcher, Pool } from 'undici'
import type { GatewayRequest, Permit, UpstreamRequest } from '../model.ts'
import { type Denial, deny } from '../policy/denial.ts'
import { answerHeaders } from './answer-headers.ts'
import { meterBody } from './body.ts'

export interface Exchange {
  /** Proof that the request may be sent: nothing is forwarded without it. */
  readonly permit: Permit
  readonly request: GatewayRequest
  readonly outgoing: UpstreamRequest
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  /** Milliseconds that a caller may pause within a body. */
  readonly bodyIdle: number
  /** The head of the answer has come, or the upstream has failed. */
  readonly onHead: () => void
  /** Nothing has been answered yet, and this is why nothing of the upstream will be. */
  readonly onDenied: (denial: Denial) => void
  /** The answer broke off in the middle; the connection of the caller is broken too. */
  readonly onBroken: (cause: string) => void
}

/**
 * Sends a request to its upstream and streams the answer back. It is sent once: only a GET or HEAD
 * without body, of whose answer no byte has come, is sent again (contract 4).
 */
export function forwardHttp(pool: Pool, exchange: Exchange): void {
  const { request, response, outgoing } = exchange
  const repeatable =
    request.body.kind === 'none' && (outgoing.method === 'GET' || outgoing.method === 'HEAD')
  const attempt = (more: number) => {
    dispatch(pool, exchange, error => {
      if (more === 0 || response.destroyed || !isStaleConnection(error)) return false
      attempt(more - 1)
      return true
    })
  }
  attempt(repeatable ? 1 : 0)
}

/** What a kept-alive connection ends in when the upstream closed it just as the request went out. */
const isStaleConnection = (error: unknown) =>
  ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error))

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

/** @param retry whether the request is sent again after this error, before any byte of an answer */
function dispatch(pool: Pool, exchange: Exchange, retry: (error: Error) => boolean): void {
  const { permit, outgoing, response } = exchange
  const { timeout, idleTimeout } = permit.route.dataSource.upstream
  let controller: Dispatcher.DispatchController | undefined
  let refusal: Denial | undefined
  let answerBegan = false
  let awaitHead: NodeJS.Timeout | undefined
  let stalled: NodeJS.Timeout | undefined
  const body = openBody(exchange, denial => abort(denial))

  const abort = (denial?: Denial) => {
    refusal ??= denial
    const reason = new Error(denial ? denial.denied : 'the caller has gone')
    if (controller) controller.abort(reason)
    else body?.destroy(reason)
  }
  const onClose = () => abort()
  const onDrain = () => {
    clearTimeout(stalled)
    controller?.resume()
  }
  const settle = () => {
    clearTimeout(awaitHead)
    clearTimeout(stalled)
    response.off('close', onClose).off('drain', onDrain)
  }
  response.once('close', onClose).on('drain', onDrain)

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(started) {
      controller = started
      if (response.destroyed || refusal) abort()
    },
    onRequestSent() {
      // undici's own timer would also count the time that the caller takes to send the body.
      if (!body) return
      awaitHead = setTimeout(() => abort(tooSlow()), Math.min(timeout, LONGEST_TIMER))
    },
    onResponseStarted() {
      answerBegan = true
    },
    onResponseStart(from, status, _headers, reason) {
      if (status >= 100 && status < 200) return
      clearTimeout(awaitHead)
      exchange.onHead()
      writeHead(exchange, status, reason ?? '', rawHeadersOf(from))
    },
    onResponseData(from, chunk) {
      if (response.write(chunk)) return
      from.pause()
      // A caller that stops reading would hold the upstream's connection for ever.
      stalled = setTimeout(() => response.destroy(), Math.min(idleTimeout, LONGEST_TIMER))
    },
    onResponseEnd() {
      settle()
      response.end()
    },
    onResponseError(_controller, error) {
      settle()
      body?.destroy()
      if (!answerBegan && !refusal && retry(error)) return
      fail(exchange, refusal ?? upstreamDenial(error), error)
    },
  }
  pool.dispatch(
    {
      method: outgoing.method as Dispatcher.HttpMethod,
      path: outgoing.target,
      headers: outgoing.headers as string[],
      body: body ?? null,
      headersTimeout: body ? 0 : Math.min(timeout, LONGEST_TIMER),
    },
    handler,
  )
}

const LONGEST_TIMER = 2 ** 31 - 1

/** Bodies of any method are framed anew: by their length where it is known, else in chunks. */
function openBody(
  { incoming, request, permit, bodyIdle }: Exchange,
  refuse: (denial: Denial) => void,
): Transform | undefined {
  if (request.body.kind === 'none') return undefined
  const { maxBody, upstream } = permit.route.dataSource
  return meterBody(incoming, { maxBody, bodyIdle, upstreamIdle: upstream.idleTimeout }, refuse)
}

const rawHeadersOf = ({ rawHeaders }: Dispatcher.DispatchController) =>
  Array.isArray(rawHeaders) ? rawHeaders : []

function writeHead(
  { response, requestId }: Exchange,
  status: number,
  reason: string,
  raw: readonly (Buffer | string)[],
): void {
  if (status < 200 || status > 999) throw new Error(`status ${status}`)
  const headers = answerHeaders(raw, requestId)
  if (/^[\t\x20-\x7e]+$/.test(reason)) response.writeHead(status, reason, headers)
  else response.writeHead(status, headers)
}

function fail({ response, onHead, onDenied, onBroken }: Exchange, denial: Denial, error: Error) {
  if (response.headersSent) {
    // Half an answer must not look like a whole one: the caller's connection breaks too.
    response.destroy()
    onBroken(denial.cause ?? error.message)
    return
  }
  onHead()
  onDenied(denial)
}

const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])

const tooSlow = (cause?: string) =>
  deny('upstream_timeout', 'The API behind the gateway did not answer in time', {
    ...(cause && { cause }),
  })

function upstreamDenial(error: Error): Denial {
  const code = codeOf(error)
  const cause = code === '' ? error.message : `${code}: ${error.message}`
  if (TIMEOUTS.has(code)) return tooSlow(cause)
  return deny('upstream_unavailable', 'The API behind the gateway cannot be reached', { cause })
}
