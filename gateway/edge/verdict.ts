import { type Admission, gate } from '../gate.ts'
import type { RawRequest, VerifiedToken } from '../model.ts'
import { type Denial, isDenial } from '../policy/denial.ts'
import type { Policy } from '../policy/policy.ts'
import type { EdgeTools, Service } from './conversation.ts'
import type { RequestRecord } from './record.ts'

/** What the gate said, and the token that the API gets of its own. */
export type Verdict = (Admission & { readonly apiToken?: string }) | Denial

/** Who waits for a verdict on a request. */
export interface Asking {
  readonly raw: RawRequest
  readonly record: RequestRecord
  /** Ends it without an answer. */
  giveUp(): void
}

/** Goes on with what was found, under the policy by which it was. */
type Proceed<T> = (tools: EdgeTools, asking: T, verdict: Verdict, policy: Policy) => void

/** Asks the gate and goes on with its verdict, at once or later; a fault of ours ends the request. */
export function withVerdict<T extends Asking>(
  tools: EdgeTools,
  asking: T,
  proceed: Proceed<T>,
): void {
  const service = tools.current()
  const { policy } = service
  try {
    const verdict = judge(service, asking.raw)
    if (verdict instanceof Promise) {
      verdict
        .then(later => proceed(tools, asking, later, policy))
        .catch(error => giveUp(tools, asking, error))
    } else {
      proceed(tools, asking, verdict, policy)
    }
  } catch (error) {
    giveUp(tools, asking, error)
  }
}

function giveUp({ log }: EdgeTools, asking: Asking, error: unknown): void {
  log.error({ requestId: asking.record.requestId, error: String(error) }, 'request failed')
  asking.giveUp()
}

/** Now where all is there already: most requests wait for nothing. */
function judge(service: Service, raw: RawRequest): Verdict | Promise<Verdict> {
  const verdict = gate(service.policy, raw, service.tokens)
  return verdict instanceof Promise
    ? verdict.then(later => withApiToken(later, service))
    : withApiToken(verdict, service)
}

function withApiToken(
  verdict: Admission | Denial,
  { exchanges }: Service,
): Verdict | Promise<Verdict> {
  if (isDenial(verdict) || verdict.kind !== 'forward' || !verdict.permit.token) return verdict
  const { route, token } = verdict.permit
  const apiToken = exchanges.apiTokenFor(route.dataSource, token)
  return apiToken instanceof Promise
    ? apiToken.then(later => including(later, verdict, token))
    : including(apiToken, verdict, token)
}

function including(
  apiToken: string | undefined | Denial,
  verdict: Extract<Admission, { kind: 'forward' }>,
  token: VerifiedToken,
): Verdict {
  if (apiToken === undefined) return verdict
  const { route } = verdict.permit
  return isDenial(apiToken) ? { ...apiToken, route, token } : { ...verdict, apiToken }
}
