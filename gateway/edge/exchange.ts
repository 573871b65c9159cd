import { resourceOf } from '../gate.ts'
import { isDenial } from '../policy/denial.ts'
import type { Policy } from '../policy/policy.ts'
import { forwardHttp } from '../upstream/http.ts'
import { attempt, type Forward, type Send } from './attempts.ts'
import {
  type Caller,
  type Conversation,
  type EdgeTools,
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

/** Sends a permitted request to its upstream. */
function forward(
  { upstreams }: EdgeTools,
  policy: Policy,
  conversation: Conversation,
  verdict: Forward,
): void {
  const { record, response, refuse } = conversation
  const exchange = exchangeOf(policy, conversation, verdict)
  const send: Send = (target, outgoing, events) => {
    conversation.sayContinue()
    forwardHttp(target, { ...exchange, ...events, outgoing })
  }
  attempt(verdict, { upstreams, record, caller: response, refuse, send })
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
