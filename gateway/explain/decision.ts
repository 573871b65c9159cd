import type { Route, UpstreamRequest, VerifiedToken } from '../model.ts'
import { type Denial, statusOf } from '../policy/denial.ts'
import { alternatives } from '../policy/describe.ts'

/** The decision on one request, made by the same gate that decides on real ones. */
export interface Decision {
  readonly denial: Denial | undefined
  /** What an allowed request would have been refused for, but for `enforce: false`. */
  readonly shadowed: Denial | undefined
  readonly route: Route | undefined
  readonly token: VerifiedToken | undefined
  readonly outgoing: UpstreamRequest | undefined
}

/** Credentials are the upstream's secret, a forwarded token the caller's. */
export function withoutSecrets(decision: Decision): Decision {
  const { outgoing } = decision
  if (!outgoing) return decision
  const headers = outgoing.headers.map((value, i) => {
    const name = outgoing.headers[i - 1]
    return i % 2 === 1 && name === 'Authorization' ? value.replace(/ .*/, ' [hidden]') : value
  })
  return { ...decision, outgoing: { ...outgoing, headers } }
}

export const pairs = (list: readonly string[]): [string, string][] =>
  list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1] ?? '']] : []))

export const urlOf = ({ origin, target }: UpstreamRequest) => origin.origin + target

/** The members of contract 6. */
export function asJson({ denial, shadowed, route, token, outgoing }: Decision) {
  return {
    decision: denial ? 'deny' : 'allow',
    code: denial?.denied ?? null,
    shadow: shadowed?.denied ?? null,
    status: denial ? statusOf(denial) : null,
    dataSource: route?.dataSource.id ?? null,
    route: route?.key ?? null,
    line: route?.line ?? null,
    principal: token?.principal.kind ?? null,
    required: route ? alternatives(route.access) : [],
    granted: token?.scopes ?? [],
    upstream: outgoing
      ? { method: outgoing.method, url: urlOf(outgoing), headers: pairs(outgoing.headers) }
      : null,
  }
}
