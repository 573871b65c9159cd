import { randomUUID } from 'node:crypto'
import { systemClock } from '../edge/clock.ts'
import { keySetFetcher } from '../edge/issuer.ts'
import { gate, type VerifyToken } from '../gate.ts'
import type { ParsedToken, RawRequest, Route, UpstreamRequest, VerifiedToken } from '../model.ts'
import { ANSWERS, type Denial, isDenial } from '../policy/denial.ts'
import { upstreamRequest } from '../policy/headers.ts'
import type { Policy } from '../policy/policy.ts'
import { createKeys } from '../token/keys.ts'
import { trustClaims, verify } from '../token/verify.ts'
import { policyFor } from './check.ts'
import { alternatives, describeAccess } from './routes.ts'
import { type ExitStatus, painter, type Terminal } from './terminal.ts'

export interface ExplainOptions {
  readonly token?: string
  readonly claims?: string
  readonly header: readonly string[]
  readonly json: boolean
  readonly showSecrets: boolean
}

/** The decision on one request, made by the same gate that decides on real ones. */
interface Decision {
  readonly denial: Denial | undefined
  readonly route: Route | undefined
  readonly token: VerifiedToken | undefined
  readonly outgoing: UpstreamRequest | undefined
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
  const verdict = await gate(policy, raw, verifyToken)
  if (isDenial(verdict)) return denied(verdict)
  if (verdict.kind === 'metadata') return nothing
  const { permit, request } = verdict
  const [origin] = permit.route.dataSource.upstream.origins
  if (!origin) return nothing
  const outgoing = upstreamRequest(permit, request, origin, randomUUID())
  if (isDenial(outgoing)) return denied(outgoing)
  return { denial: undefined, route: permit.route, token: permit.token, outgoing }
}

const denied = (denial: Denial): Decision => ({
  denial,
  route: denial.route,
  token: denial.token,
  outgoing: undefined,
})

/** Real tokens are verified with the issuer's keys. */
const verifying =
  ({ issuer, keys: times }: Policy): VerifyToken =>
  async (token, expected) => {
    const fetcher = keySetFetcher(issuer)
    const keys = createKeys({ fetchKeySet: fetcher, clock: systemClock }, times)
    try {
      return await verify(
        token,
        expected,
        async (kid, alg) => {
          await keys.refresh()
          return keys.find(kid, alg)
        },
        Date.now() / 1000,
      )
    } finally {
      keys.stop()
      await fetcher.close()
    }
  }

/** Claims are taken as if signed; what every token of Feide has is filled in where it is left out. */
const believing =
  ({ issuer }: Policy): VerifyToken =>
  (token, expected) => {
    const now = Math.floor(Date.now() / 1000)
    const [aud] = expected.audiences
    const usual = { iss: issuer.url, aud, iat: now, nbf: now, exp: now + 300 }
    return trustClaims({ ...token, payload: { ...usual, ...token.payload } }, expected, now)
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

/** Credentials are the upstream's secret, a forwarded token the caller's. */
function withoutSecrets(decision: Decision): Decision {
  const { outgoing } = decision
  if (!outgoing) return decision
  const headers = outgoing.headers.map((value, i) => {
    const name = outgoing.headers[i - 1]
    return i % 2 === 1 && name === 'Authorization' ? value.replace(/ .*/, ' [hidden]') : value
  })
  return { ...decision, outgoing: { ...outgoing, headers } }
}

const pairs = (list: readonly string[]): [string, string][] =>
  list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1] ?? '']] : []))

const urlOf = ({ origin, target }: UpstreamRequest) => origin.origin + target

function asJson({ denial, route, token, outgoing }: Decision) {
  return {
    decision: denial ? 'deny' : 'allow',
    code: denial?.denied ?? null,
    status: denial ? ANSWERS[denial.denied].status : null,
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

function asText({ denial, route, token, outgoing }: Decision, file: string, terminal: Terminal) {
  const paint = painter(terminal)
  const lines = denial
    ? [
        `${paint('red', 'deny')}   ${ANSWERS[denial.denied].status} ${denial.denied}: ${denial.detail}`,
      ]
    : [paint('green', 'allow')]
  if (route) {
    lines.push(`route  ${route.key}  (${file}:${route.line}, data source ${route.dataSource.id})`)
    const whom = route.principal === 'any' ? '' : `, for a ${route.principal}`
    lines.push(`asks   ${describeAccess(route.access)}${whom}`)
  }
  if (token) {
    const { kind, clientId } = token.principal
    lines.push(`token  a ${kind}, client ${clientId}, scopes: ${token.scopes.join(' ') || 'none'}`)
  }
  if (outgoing) {
    lines.push(`sends  ${outgoing.method} ${urlOf(outgoing)}`)
    for (const [name, value] of pairs(outgoing.headers)) lines.push(`       ${name}: ${value}`)
  }
  return lines
}
