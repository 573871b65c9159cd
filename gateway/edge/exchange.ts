import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Admission, resourceOf } from '../gate.ts'
import type { GatewayRequest, Origin, Permit } from '../model.ts'
import { type Denial, isDenial } from '../policy/denial.ts'
import { upstreamRequest } from '../policy/headers.ts'
import type { Policy } from '../policy/policy.ts'
import { upstreamDenial } from '../upstream/faults.ts'
import { forwardHttp } from '../upstream/http.ts'
import {
  type Conversation,
  type EdgeTools,
  noteRoute,
  openConversation,
  withVerdict,
} from './conversation.ts'
import { resourceMetadata } from './metadata.ts'

/** One request, from the parser to the last byte of its answer. */
export function handleRequest(
  tools: EdgeTools,
  incoming: IncomingMessage,
  response: ServerResponse,
): void {
  const conversation = openConversation(tools, incoming, response)
  const { raw, record, answer, refuse } = conversation
  const proceed = (verdict: Admission | Denial, policy: Policy) => {
    if (isDenial(verdict)) return refuse(verdict)
    if (verdict.kind === 'forward') return forward(tools, policy, conversation, verdict)
    const resource = resourceOf(verdict.request)
    return answer(resourceMetadata(resource, policy, verdict.host, record.requestId))
  }
  withVerdict(tools, raw, record, proceed, () => response.destroy())
}

interface Forward {
  readonly permit: Permit
  readonly request: GatewayRequest
}

/** Sends a permitted request to its upstream: to the next origin, and on where that is not reached. */
function forward(
  { pools }: EdgeTools,
  { limits }: Policy,
  conversation: Conversation,
  { permit, request }: Forward,
): void {
  const { record, incoming, response, refuse } = conversation
  const { requestId } = record
  const { upstream } = permit.route.dataSource
  const tried = new Set<Origin>()
  noteRoute(record, permit)

  let repeated = false

  const tryNext = (because?: Error): boolean => {
    const origin = pools.nextOrigin(upstream, tried)
    if (!origin) return false
    tried.add(origin)
    const outgoing = upstreamRequest(permit, request, origin, requestId)
    if (isDenial(outgoing)) {
      refuse(outgoing)
      return true
    }
    if (because === undefined) conversation.sayContinue()
    record.sentAt = performance.now()
    forwardHttp(pools.poolFor(upstream, origin), {
      permit,
      request,
      outgoing,
      incoming,
      response,
      requestId,
      bodyIdle: limits.bodyIdle,
      onHead: () => {
        record.headAt ??= performance.now()
        conversation.beforeHead()
      },
      onUnreachable: error => {
        pools.rest(origin)
        return tryNext(error)
      },
      // Once, and elsewhere where there is an elsewhere: most often the connection was just too old.
      onUnanswered: () => {
        if (repeated) return false
        repeated = true
        if (upstream.origins.length === 1) tried.clear()
        return tryNext(new Error('unanswered'))
      },
      onDenied: refuse,
      onBroken: cause => {
        record.cause = cause
      },
    })
    return true
  }
  if (!tryNext()) refuse(upstreamDenial(new Error('no origin')))
}
