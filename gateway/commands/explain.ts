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
import { policyFor } from './check.ts'
import { asJson, asText, type Decision, withoutSecrets } from './decision.ts'
import type { ExitStatus, Terminal } from './terminal.ts'

export interface ExplainOptions {
  readonly token?: string
  readonly claims?: string
  readonly header: readonly string[]
  readonly json: boolean
  readonly showSecrets: boolean
}

/** `explain [FILE] METHOD URL`: what would happen with one request, why, and what the upstream would see. */
export async function explain(
  file: string,
  method: string,
  url: string,
  options: ExplainOptions,
  terminal: Terminal,
): Promise<ExitStatus> {
  const claims = parseClaims(options.claims)
  const address = parseUrl(url)
  const headers = options.header.map(parseHeader)
  const wrong =
    (claims instanceof Error && claims) ||
    (address instanceof Error && address) ||
    headers.find(header => header instanceof Error)
  if (wrong instanceof Error || claims instanceof Error || address instanceof Error) {
    terminal.err(`error: ${(wrong as Error).message}`)
    return 2
  }
  const policy = policyFor(file, terminal)
  if (!policy) return 1
  const bearer = options.token ?? (claims && unsignedToken(claims, policy))
  const raw: RawRequest = {
    method,
    target: address.target,
    httpVersion: '1.1',
    headers: [
      'Host',
      address.host ?? onlyHost(policy),
      ...(bearer === undefined ? [] : ['Authorization', `Bearer ${bearer}`]),
      ...(headers as string[][]).flat(),
    ],
    peer: '127.0.0.1',
    encrypted: address.encrypted,
  }
  const decision = await decideOn(policy, raw, claims ? believing(policy) : verifying(policy))
  const shown = options.showSecrets ? decision : withoutSecrets(decision)
  if (options.json) terminal.out(JSON.stringify(asJson(shown), null, 2))
  else for (const line of asText(shown, file, terminal)) terminal.out(line)
  return decision.denial ? 1 : 0
}

async function decideOn(
  policy: Policy,
  raw: RawRequest,
  verifyToken: VerifyToken,
): Promise<Decision> {
  const nothing = { denial: undefined, route: undefined, token: undefined, outgoing: undefined }
  const verdict = await gate(policy, raw, { verifyToken, exchangeOpaque })
  if (isDenial(verdict)) return denied(verdict)
  if (verdict.kind === 'metadata') return nothing
  const { permit, request } = verdict
  const [origin] = permit.route.dataSource.upstream.origins
  if (!origin) return nothing
  const { apiToken } = permit.route.dataSource.headers
  const fetched = apiToken && permit.token ? '[from Feide]' : undefined
  const outgoing = upstreamRequest(permit, request, origin, randomUUID(), fetched)
  if (isDenial(outgoing)) return denied(outgoing)
  return { denial: undefined, route: permit.route, token: permit.token, outgoing }
}

/** Feide is not asked for an explanation. */
const exchangeOpaque: ExchangeOpaque = ({ exchange }) =>
  exchange &&
  deny('token_opaque', 'A running gateway has this opaque token exchanged at Feide: give the JWT')

const denied = (denial: Denial): Decision => ({
  denial,
  route: denial.route,
  token: denial.token,
  outgoing: undefined,
})

/** Real tokens are verified with the issuer's keys. */
const verifying =
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

function unsignedToken(claims: object, { issuer }: Policy): ParsedToken['text'] {
  const header = { alg: issuer.algorithms[0], typ: 'JWT' }
  const parts = [header, claims].map(part =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return [...parts, 'AA'].join('.') as ParsedToken['text']
}

function parseClaims(text: string | undefined): object | undefined | Error {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Falls through to the message that says what was expected.
  }
  return new Error('--claims: expected a JSON object such as {"sub":"…","client_id":"…"}')
}

/** Not by `new URL`: it would resolve the very paths that are to be explained. */
function parseUrl(url: string) {
  const [, scheme, host, rest = ''] = /^(?:(https?):\/\/([^/?#]*))?(.*)$/s.exec(url) ?? []
  if (scheme === undefined && !rest.startsWith('/')) {
    return new Error(`expected a URL or a path such as /courses, got ${url}`)
  }
  return { host, target: rest === '' ? '/' : rest, encrypted: scheme === 'https' }
}

/** The host that is meant where only a path is given. */
function onlyHost({ hosts, anyHost }: Policy): string {
  const [first] = hosts.keys()
  return anyHost || first === undefined ? 'localhost' : first
}

function parseHeader(text: string): string[] | Error {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? []
  return name === undefined
    ? new Error(`--header: expected Name: value, got ${text}`)
    : [name, value ?? '']
}
