import { randomUUID } from 'node:crypto'
import { systemClock } from '../edge/clock.ts'
import { keySetFetcher } from '../edge/issuer.ts'
import { type ExchangeOpaque, gate, type VerifyToken } from '../gate.ts'
import type { ParsedToken, RawRequest } from '../model.ts'
import { type Denial, deny, isDenial } from '../policy/denial.ts'
import { upstreamRequest } from '../policy/headers.ts'
import type { Policy } from '../policy/policy.ts'
import { createKeys } from '../token/keys.ts'
import { expectedOf } from '../token/verifier.ts'
import { trustClaims, verify } from '../token/verify.ts'
import type { Decision } from './decision.ts'
import type { Address } from './words.ts'

/** What the gate says of one request, and what would be sent to the upstream. */
export async function decideOn(
  policy: Policy,
  raw: RawRequest,
  verifyToken: VerifyToken,
): Promise<Decision> {
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

/** Real tokens are verified with the issuer's keys. */
export const verifying =
  ({ issuer, keys: times }: Policy): VerifyToken =>
  async (token, dataSource) => {
    const fetcher = keySetFetcher(issuer)
    const keys = createKeys({ fetchKeySet: fetcher, clock: systemClock }, times)
    try {
      return await verify({
        token,
        dataSource,
        expected: expectedOf(issuer, dataSource),
        findKey: async (kid, alg) => {
          await keys.refresh()
          return keys.find(kid, alg)
        },
        now: Date.now() / 1000,
      })
    } finally {
      keys.stop()
      await fetcher.close()
    }
  }

/** Claims are taken as if signed; what every token of Feide has is filled in where it is left out. */
export const believing =
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

/** A token in form alone, for `believing`. */
export function unsignedToken(claims: object, { issuer }: Policy): ParsedToken['text'] {
  const header = { alg: issuer.algorithms[0], typ: 'JWT' }
  const parts = [header, claims].map(part =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return [...parts, 'AA'].join('.') as ParsedToken['text']
}

/** The words of a request. */
export interface Words {
  readonly method: string
  readonly address: Address
  readonly bearer: string | undefined
  /** Name, value, name, value … */
  readonly headers: readonly string[]
  readonly peer?: string
}

/** A request as the HTTP parser leaves it. */
export const rawRequest = (
  policy: Policy,
  { method, address, bearer, headers, peer = '127.0.0.1' }: Words,
): RawRequest => ({
  method,
  target: address.target,
  httpVersion: '1.1',
  headers: [
    'Host',
    address.host ?? onlyHost(policy),
    ...(bearer === undefined ? [] : ['Authorization', `Bearer ${bearer}`]),
    ...headers,
  ],
  peer,
  encrypted: address.encrypted,
})

/** The host that is meant where only a path is given. */
function onlyHost({ hosts, anyHost }: Policy): string {
  const [first] = hosts.keys()
  return anyHost || first === undefined ? 'localhost' : first
}
