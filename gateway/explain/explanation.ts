import type { Route } from '../model.ts'
import { ANSWERS, type Denial, type DenyReason, isDenial, statusOf } from '../policy/denial.ts'
import { alternatives } from '../policy/describe.ts'
import { parseToken } from '../token/bearer.ts'
import type { Asked } from './asked.ts'
import { type Decision, pairs, urlOf, withoutSecrets } from './decision.ts'

/** A decision and why, as plain values: to be sent between processes, and shown to a person. */
export interface Explanation {
  readonly refused: RefusedSaid | undefined
  /** What it would have been refused for, but for `enforce: false`. */
  readonly shadowed: RefusedSaid | undefined
  readonly route: ExplainedRoute | undefined
  /** Whom the token speaks for, where it is good. */
  readonly token:
    | { readonly kind: string; readonly clientId: string; readonly scopes: readonly string[] }
    | undefined
  /** What a token that was given says of itself: nothing of it is proved. */
  readonly said: TokenSaid | undefined
  /** What the API would see, without credentials and national ids. */
  readonly sends:
    | {
        readonly method: string
        readonly url: string
        readonly headers: readonly (readonly [string, string])[]
      }
    | undefined
}

export interface RefusedSaid {
  readonly code: DenyReason
  readonly status: number
  readonly title: string
  readonly detail: string
}

export interface ExplainedRoute {
  readonly dataSource: string
  /** What a token for it has in `aud`. */
  readonly audiences: readonly string[]
  readonly key: string
  readonly line: number
  readonly access: string
  /** Alternatives. */
  readonly scopes: readonly (readonly string[])[]
  readonly principal: string
  readonly clients: number | undefined
}

/** The parts of a token that name nobody. Times in seconds since the epoch. */
export interface TokenSaid {
  readonly algorithm: string | undefined
  readonly keyId: string | undefined
  readonly issuer: string | undefined
  readonly audiences: readonly string[]
  readonly issuedAt: number | undefined
  readonly expiresAt: number | undefined
  readonly scopes: readonly string[]
  readonly clientId: string | undefined
}

/** What a person is told of a decision. */
export function explanationOf(decision: Decision, { token }: Asked): Explanation {
  const { denial, shadowed, route, token: verified, outgoing } = withoutSecrets(decision)
  return {
    refused: denial && refusedSaid(denial),
    shadowed: shadowed && refusedSaid(shadowed),
    route: route && explainedRoute(route),
    token: verified && {
      kind: verified.principal.kind,
      clientId: verified.principal.clientId,
      scopes: verified.scopes,
    },
    said: token === undefined ? undefined : saidBy(token),
    sends: outgoing && {
      method: outgoing.method,
      url: urlOf(outgoing),
      headers: shownHeaders(outgoing.headers, route),
    },
  }
}

const refusedSaid = (denial: Denial): RefusedSaid => ({
  code: denial.denied,
  status: statusOf(denial),
  title: ANSWERS[denial.denied].title,
  detail: denial.detail,
})

export const explainedRoute = (route: Route): ExplainedRoute => ({
  dataSource: route.dataSource.id,
  audiences: route.dataSource.audiences,
  key: route.key,
  line: route.line,
  access: route.access.kind,
  scopes: alternatives(route.access),
  principal: route.principal,
  clients: route.clients?.size,
})

/** National ids are left out, however they are encoded. */
function shownHeaders(headers: readonly string[], route: Route | undefined) {
  const injected = route?.dataSource.headers.inject.filter(({ claim }) => /nin$/i.test(claim))
  const names = new Set(injected?.map(({ name }) => name.toLowerCase()))
  const shown = (name: string, value: string) =>
    names.has(name.toLowerCase()) ? HIDDEN : withoutNin(value)
  return pairs(headers).map(([name, value]) => [name, shown(name, value)] as const)
}

const HIDDEN = '[hidden]'

/** National ids are eleven digits. */
const withoutNin = (value: string): string => value.replace(/(?<!\d)\d{11}(?!\d)/g, HIDDEN)

const MAX_TEXT = 200
const MAX_LIST = 50

function saidBy(text: string): TokenSaid | undefined {
  const parsed = parseToken(text)
  if (isDenial(parsed)) return undefined
  const { header, payload } = parsed
  const { aud, scope } = payload
  return {
    algorithm: textOf(header.alg),
    keyId: textOf(header.kid),
    issuer: textOf(payload.iss),
    audiences: listOf(aud),
    issuedAt: numberOf(payload.iat),
    expiresAt: numberOf(payload.exp),
    scopes: typeof scope === 'string' ? listOf(scope.split(' ').filter(Boolean)) : listOf(scope),
    clientId: textOf(payload.client_id),
  }
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? withoutNin(value.slice(0, MAX_TEXT)) : undefined

const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

const listOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value.slice(0, MAX_LIST) : [value]).flatMap(one => textOf(one) ?? [])
