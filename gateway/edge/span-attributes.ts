import { type Attributes, type Span, SpanStatusCode } from '@opentelemetry/api'
import type { Origin, RawRequest, UpstreamRequest } from '../model.ts'
import type { Traced } from './trace.ts'

/**
 * What spans say, by the semantic conventions for HTTP, less what those ask for and must not be told here:
 * no path (old APIs have national ids in paths), no query, no address of a caller, no user.
 */

/** @param sent how often the request has been sent already */
export function clientBegin({ method, origin }: UpstreamRequest, sent: number) {
  const attributes: Attributes = {
    'http.request.method': method,
    ...placeOf(origin),
    ...(sent > 0 && { 'http.request.resend_count': sent }),
  }
  return { name: method, attributes }
}

const places = new WeakMap<Origin, Attributes>()

function placeOf(origin: Origin): Attributes {
  const known = places.get(origin)
  if (known) return known
  const { protocol, hostname, port } = new URL(origin.origin)
  const place = {
    'server.address': hostname,
    'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
    'url.scheme': protocol.slice(0, -1),
  }
  places.set(origin, place)
  return place
}

/** @param traced absent: this attempt came to nothing, and another one follows */
export function endClient(span: Span, traced: Traced | undefined, at: number): void {
  const error = traced === undefined ? 'unanswered' : traced.code
  const answered = error === undefined && traced?.status !== CLIENT_CLOSED
  if (traced && answered) span.setAttribute('http.response.status_code', traced.status)
  const failed = error ?? (answered && traced && traced.status >= 400 ? traced.status : undefined)
  if (failed !== undefined) markFailed(span, String(failed))
  span.end(at)
}

export function endServer(span: Span, raw: RawRequest, traced: Traced, at: number): void {
  if (span.isRecording()) {
    const method = traced.method === 'other' ? '_OTHER' : traced.method
    const name = method === '_OTHER' ? 'HTTP' : method
    span.updateName(traced.route === undefined ? name : `${name} ${traced.route}`)
    span.setAttributes(serverAttributes(raw, method, traced))
    if (traced.status >= 500) markFailed(span, traced.code ?? String(traced.status))
  }
  span.end(at)
}

function serverAttributes(raw: RawRequest, method: string, traced: Traced): Attributes {
  // Of a request that fits no route, `Host` may be anything.
  const address = traced.route === undefined ? undefined : hostName(raw)
  return withoutUndefined({
    'http.request.method': method,
    'http.route': traced.route,
    'http.response.status_code': traced.status,
    'url.scheme': raw.encrypted ? 'https' : 'http',
    'server.address': address,
    'network.protocol.version': raw.httpVersion,
    'feide_gateway.request_id': traced.requestId,
    'feide_gateway.data_source': traced.dataSource,
    'feide_gateway.decision': traced.decision,
    'feide_gateway.code': traced.code,
    'feide_gateway.client_id': traced.clientId,
    'feide_gateway.principal': traced.principal,
    'feide_gateway.aborted': traced.aborted || undefined,
  })
}

function markFailed(span: Span, type: string): void {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

/** `Host` without its port. */
function hostName({ headers }: RawRequest): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === 'host') return headers[i + 1]?.replace(/:\d*$/, '')
  }
  return undefined
}

const withoutUndefined = (all: Readonly<Record<string, string | number | true | undefined>>) =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Attributes

/** In place of a status where the caller left before there was one. */
const CLIENT_CLOSED = 499
