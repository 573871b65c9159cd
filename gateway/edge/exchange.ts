import { resourceOf } from '../gate.ts'
import type { GatewayRequest, Permit, UpstreamRequest } from '../model.ts'
import { type Denial, isDenial } from '../policy/denial.ts'
import type { Policy } from '../policy/policy.ts'
import type { CallerBody, CallerResponse } from '../upstream/caller.ts'
import { type Exchange, forwardHttp } from '../upstream/http.ts'
import type { Target } from '../upstream/targets.ts'
import { Attempts, type Forward, type Sender } from './attempts.ts'
import { type Caller, Conversation, type EdgeTools } from './conversation.ts'
import { closeAt } from './expiry.ts'
import { resourceMetadata } from './metadata.ts'
import type { RequestRecord } from './record.ts'
import { type Verdict, withVerdict } from './verdict.ts'

/** One request, from the parser to the last byte of its answer. */
export function handleRequest(tools: EdgeTools, caller: Caller): void {
  withVerdict(tools, new Conversation(tools, caller), proceed)
}

function proceed(
  { upstreams }: EdgeTools,
  conversation: Conversation,
  verdict: Verdict,
  policy: Policy,
): void {
  if (isDenial(verdict)) {
    conversation.refuse(verdict)
  } else if (verdict.kind === 'forward') {
    new Attempts(verdict, new HttpExchange(conversation, verdict, policy), upstreams).begin()
  } else {
    const resource = resourceOf(verdict.request)
    const { requestId } = conversation.record
    conversation.answer(resourceMetadata(resource, policy, verdict.host, requestId))
  }
}

/** A permitted request and its answer: what all attempts to send it have in common. */
class HttpExchange implements Sender, Exchange {
  readonly permit: Permit
  readonly request: GatewayRequest
  readonly incoming: CallerBody
  readonly response: CallerResponse
  readonly limits: Policy['limits']
  readonly closeAt: number | undefined
  readonly #conversation: Conversation

  constructor(conversation: Conversation, { permit, request }: Forward, policy: Policy) {
    const { incoming, response } = conversation.caller
    this.permit = permit
    this.request = request
    this.incoming = incoming
    this.response = response
    this.limits = policy.limits
    this.closeAt = closeAt(permit, 'answers', policy.issuer.clockTolerance)
    this.#conversation = conversation
  }

  get record(): RequestRecord {
    return this.#conversation.record
  }

  get requestId(): string {
    return this.record.requestId
  }

  get caller(): CallerResponse {
    return this.response
  }

  send(target: Target, outgoing: UpstreamRequest, attempts: Attempts): void {
    this.#conversation.sayContinue()
    forwardHttp(target, outgoing, this, attempts)
  }

  onHead(): void {
    this.record.headAt ??= performance.now()
    this.#conversation.beforeHead()
  }

  refuse(denial: Denial): void {
    this.#conversation.refuse(denial)
  }

  onBroken(cause: string): void {
    this.record.cause = cause
  }
}
