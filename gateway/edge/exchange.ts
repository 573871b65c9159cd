import { resourceOf } from '../gate.ts'
import type { GatewayRequest, Origin, Permit } from '../model.ts'
import { isDenial } from '../policy/denial.ts'
import { upstreamRequest } from '../policy/headers.ts'
import type { Policy } from '../policy/policy.ts'
import { forwardHttp } from '../upstream/http.ts'
import {
  type Caller,
  type Conversation,
  type EdgeTools,
  noteRoute,
  openConversation,
  type Verdict,
  withVerdict,
} from './conversation.ts'
import { closeAt } from './expiry.ts'
import { resourceMetadata } from './metadata.ts'

/** One request, from the parser to the last byte of its answer. */
export function handleRequest(tools: EdgeTools, caller: Caller): void {
  const conversation = openConversation(tools, caller)
  const { raw, record, response, answer, refuse } = conversation
  const proceed = (verdict: Verdict, policy: Policy) => {
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
  readonly apiToken?: string
}

/** Sends a permitted request to its upstream, when its turn comes: to one origin after the other. */
function forward(
  { upstreams }: EdgeTools,
  policy: Policy,
  conversation: Conversation,
  { permit, request, apiToken }: Forward,
): void {
  const { record, response, refuse } = conversation
  const { upstream } = permit.route.dataSource
  const tried = new Set<Origin>()
  let repeated = false
  let done = () => {}
  noteRoute(record, permit)
  // The caller may have left while its token was verified.
  if (response.destroyed) return

  const tryNext = (): boolean => {
    const target = upstreams.next(upstream, tried)
    if (!target) return false
    tried.add(target.origin)
    const outgoing = upstreamRequest(permit, request, target.origin, record.requestId, apiToken)
    if (isDenial(outgoing)) {
      done()
      refuse(outgoing)
      return true
    }
    conversation.sayContinue()
    record.sentAt = performance.now()
    forwardHttp(target, { ...exchange, outgoing })
    return true
  }
  const exchange = {
    ...exchangeOf(policy, conversation, { permit, request }),
    onUnreachable: tryNext,
    // Once, and elsewhere where there is an elsewhere: most often the connection was just too old.
    onUnanswered: () => {
      if (repeated) return false
      repeated = true
      if (!upstreams.hasOther(upstream, tried)) tried.clear()
      return tryNext()
    },
    onDone: () => done(),
  }
  const go = (whenDone: () => void) => {
    done = whenDone
    tryNext()
  }
  response.once('close', upstreams.enter(upstream, go, refuse))
}

/** What all attempts of one request have in common. */
function exchangeOf(
  { limits, issuer }: Policy,
  conversation: Conversation,
  { permit, request }: Forward,
) {
  const { record, incoming, response, refuse } = conversation
  return {
    permit,
    request,
    incoming,
    response,
    requestId: record.requestId,
    limits,
    closeAt: closeAt(permit, 'answers', issuer.clockTolerance),
    onHead: () => {
      record.headAt ??= performance.now()
      conversation.beforeHead()
    },
    onDenied: refuse,
    onBroken: (cause: string) => {
      record.cause = cause
    },
  }
}
