import { randomUUID } from 'node:crypto'
import { type ExchangeOpaque, gate, type VerifyToken } from '../gate.ts'
import { type Denial, deny, isDenial } from '../policy/denial.ts'
import { upstreamRequest } from '../policy/headers.ts'
import type { Policy } from '../policy/policy.ts'
import { expectedOf } from '../token/verifier.ts'
import { type FindKey, trustClaims, verify } from '../token/verify.ts'
import { type Asked, rawRequestOf } from './asked.ts'
import type { Decision } from './decision.ts'

/**
 * The decision on one request that nobody sent, by the gate that decides on real ones. Nothing is
 * forwarded, and nothing of the token is remembered.
 *
 * @param findKey where the keys come from; claims without a signature need none
 */
export async function decideOn(policy: Policy, asked: Asked, findKey: FindKey): Promise<Decision> {
  const raw = rawRequestOf(asked, policy)
  const verifyToken = asked.claims ? believing(policy) : verifying(policy, findKey)
  const verdict = await gate(policy, raw, { verifyToken, exchangeOpaque })
  if (isDenial(verdict)) return denied(verdict)
  if (verdict.kind === 'metadata') return NOTHING
  const { permit, request } = verdict
  const [origin] = permit.route.dataSource.upstream.origins
  if (!origin) return NOTHING
  const { apiToken } = permit.route.dataSource.headers
  const fetched = apiToken && permit.token ? '[from Feide]' : undefined
  const outgoing = upstreamRequest(permit, request, origin, randomUUID(), fetched)
  if (isDenial(outgoing)) return denied(outgoing)
  const { route, token, shadowed } = permit
  return { denial: undefined, shadowed, route, token, outgoing }
}

const NOTHING: Decision = {
  denial: undefined,
  shadowed: undefined,
  route: undefined,
  token: undefined,
  outgoing: undefined,
}

/** Feide is not asked for an explanation. */
const exchangeOpaque: ExchangeOpaque = ({ exchange }) =>
  exchange &&
  deny('token_opaque', 'A running gateway has this opaque token exchanged at Feide: give the JWT')

const denied = (denial: Denial): Decision => ({
  ...NOTHING,
  denial,
  route: denial.route,
  token: denial.token,
})

const verifying =
  ({ issuer }: Policy, findKey: FindKey): VerifyToken =>
  (token, dataSource) =>
    verify({
      token,
      dataSource,
      expected: expectedOf(issuer, dataSource),
      findKey,
      now: Date.now() / 1000,
    })

/** Claims are taken as if signed; what every token of Feide has is filled in where it is left out. */
const believing =
  ({ issuer }: Policy): VerifyToken =>
  (token, dataSource) => {
    const now = Math.floor(Date.now() / 1000)
    const expected = expectedOf(issuer, dataSource)
    const [aud] = expected.audiences
    const usual = { iss: issuer.url, aud, iat: now, nbf: now, exp: now + 300 }
    return trustClaims(
      { ...token, payload: { ...usual, ...token.payload } },
      dataSource,
      expected,
      now,
    )
  }
