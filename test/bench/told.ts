import { CLIENT_ID, USER_ID } from '../support/issuer.ts'
import { type Answer, request, sendOne, valuesOf } from '../support/raw.ts'
import type { UpstreamRequest } from '../support/upstream.ts'
import { WORK } from './contestant.ts'
import type { Checked } from './equality.ts'
import { claimsOf } from './tokens.ts'

/** Holds what the upstream is told against what it is to be told, header by header. */
export async function tellsUpstream(checked: Checked): Promise<string[]> {
  return [
    ...(await told(checked, 'a token of a user', {}, USER)),
    ...(await told(checked, 'a token of a system', { sub: CLIENT_ID }, SYSTEM)),
  ]
}

const SYSTEM = {
  'x-dataporten-gatekeeper': WORK.gatekeeper,
  'x-dataporten-clientid': CLIENT_ID,
  'x-dataporten-scopes': 'append,read',
}
const USER = { ...SYSTEM, 'x-dataporten-userid': USER_ID }

/** What a caller may not say, in several spellings, and what it may. */
const SENT = {
  'X-Dataporten-Userid': 'forged',
  'x-dataporten-SCOPES': 'forged',
  'X-DATAPORTEN-Userid-Sec': 'feide:forged@example.no',
  'X-Dataporten-Anything': 'forged',
  'X-Forwarded-For': '192.0.2.1',
  'X-Forwarded-Host': 'forged.example.no',
  Accept: 'application/json',
  'X-Other': 'as it was',
}

/** All that the upstream is to get, `x-request-id` and the framing of the message aside. */
const expected = (identity: Record<string, string>, port: number) => ({
  host: `127.0.0.1:${port}`,
  accept: 'application/json',
  'x-other': 'as it was',
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-proto': 'http',
  'x-forwarded-host': 'gateway.test',
  authorization: WORK.authorization,
  ...identity,
})

const ASIDE = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'x-request-id',
])

const seenBy = ({ headers }: UpstreamRequest): Record<string, string> => {
  const seen: Record<string, string> = {}
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    // A header that came twice shows as such.
    if (!ASIDE.has(lower)) seen[lower] = lower in seen ? `${seen[lower]} | ${value}` : value
  }
  return seen
}

async function told(
  { running, issuer, upstream }: Checked,
  what: string,
  claims: Record<string, unknown>,
  identity: Record<string, string>,
): Promise<string[]> {
  upstream.reset()
  const token = issuer.token(claimsOf(issuer, claims))
  const answer = await sendOne(running.port, request({ target: '/a/b?c=d', headers: SENT, token }))
  const [received, another] = upstream.requests
  if (answer.status !== 200) return [`${what} is answered with ${answer.status}`]
  if (!received || another)
    return [`${what}: the upstream got ${upstream.requests.length} requests`]
  const wanted = expected(identity, upstream.port)
  const faults = differences(seenBy(received), wanted).map(fault => `${what}: ${fault}`)
  if (received.target !== '/a/b?c=d') faults.push(`the upstream was asked for ${received.target}`)
  return [...faults, ...requestIdFaults(received, answer)]
}

type Headers = Readonly<Record<string, string>>

function differences(seen: Headers, wanted: Headers): string[] {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(seen)])]
  const short = (value = 'nothing') => (value.length > 50 ? `${value.slice(0, 50)}…` : value)
  return names
    .filter(name => seen[name] !== wanted[name])
    .map(name => `${name} is ${short(seen[name])} instead of ${short(wanted[name])}`)
}

function requestIdFaults(received: UpstreamRequest, answer: Answer): string[] {
  const [id = '', another] = valuesOf(received, 'x-request-id')
  const [answered] = valuesOf(answer, 'x-request-id')
  const isOne = /^[A-Za-z0-9._-]{16,128}$/.test(id) && another === undefined && answered === id
  return isOne
    ? []
    : [`X-Request-Id is ${id || 'nothing'} to the upstream, ${answered ?? 'nothing'} to the caller`]
}
