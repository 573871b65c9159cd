import { type Answer, isAnswer, type Silence } from '../load/caller.ts'
import { decodeEcho, ECHO_HEADER, type Seen } from '../load/origin/words.ts'
import { valuesIn } from '../load/read-messages.ts'
import { STATUS } from '../support/refusal.ts'
import { judgeArrival } from './judge-arrival.ts'
import type { Expectation, Refusal, Shot } from './shot.ts'

/** What is wrong with what came of a request; `undefined` where nothing is. */
export function judge(shot: Shot, came: Answer | Silence): string | undefined {
  try {
    return judgeAny(shot, came)
  } catch (error) {
    return `it cannot be read: ${String(error)}`
  }
}

function judgeAny({ expect, method }: Shot, came: Answer | Silence): string | undefined {
  if (expect.kind === 'anything') return undefined
  if (!isAnswer(came)) return SILENT.has(expect.kind) ? undefined : `no answer: ${came.silence}`
  if (expect.kind === 'nothing') return came.status < 400 ? `status ${came.status}` : undefined
  if (expect.kind === 'broken') {
    return came.complete && came.status < 500 ? 'it looks whole' : undefined
  }
  if (!came.complete) return 'it broke off'
  if (expect.kind === 'refused') return judgeRefusal(expect, came, method)
  if (expect.kind === 'metadata') return judgeMetadata(expect, came)
  return judgeServed(expect, came)
}

const SILENT: ReadonlySet<Expectation['kind']> = new Set(['nothing', 'broken'])

type Served = Extract<Expectation, { kind: 'served' | 'tunnel' }>

function judgeServed(expect: Served, answer: Answer): string | undefined {
  const { status, headers } = answer
  const wanted = expect.kind === 'tunnel' ? 101 : expect.status
  if (status !== wanted) return `status ${status} ${codeOf(answer)}, not ${wanted}`
  const interim = expect.kind === 'tunnel' ? [] : expect.interim
  if (String(answer.interim) !== String(interim)) return `interim answers ${answer.interim}`
  const seen = echoOf(answer)
  const fault = judgeArrival(seen, expect.arrival, 'whole')
  if (fault !== undefined) return fault
  const ids = valuesIn(headers, 'x-request-id')
  const [sent] = valuesIn(seen.headers, 'x-request-id')
  if (ids.length !== 1 || ids[0] !== sent) return `X-Request-Id ${ids}, but upstream ${sent}`
  return expect.kind === 'tunnel' ? undefined : judgeAnswerHeaders(headers)
}

/** What the upstream says of itself goes on, in order; what is for one hop does not. */
function judgeAnswerHeaders(headers: readonly string[]): string | undefined {
  const cookies = valuesIn(headers, 'set-cookie')
  if (String(cookies) !== 'a=1,b=2; HttpOnly') return `Set-Cookie ${cookies}`
  if (String(valuesIn(headers, 'x-origin')) !== 'echo') return 'no X-Origin'
  return valuesIn(headers, 'x-hop').length > 0 ? 'a header for one hop' : undefined
}

function echoOf({ headers, body }: Answer): Seen {
  const [echo] = valuesIn(headers, ECHO_HEADER)
  return echo === undefined ? (JSON.parse(body.toString()) as Seen) : decodeEcho(echo)
}

function judgeRefusal(expect: Refusal, answer: Answer, method: string): string | undefined {
  const { status, headers } = answer
  // The answer to a HEAD has no body to say the code in.
  const code =
    method === 'HEAD' ? expect.codes.find(one => statusFor(one) === status) : codeOf(answer)
  if (code === undefined || !expect.codes.includes(code)) {
    return `${status} ${code}, not ${expect.codes.join(' or ')}`
  }
  if (status !== statusFor(code)) return `status ${status} for ${code}`
  if (String(valuesIn(headers, 'cache-control')) !== 'no-store') return 'it may be stored'
  const [id, another] = valuesIn(headers, 'x-request-id')
  if (id === undefined || another !== undefined) return 'it has no one X-Request-Id'
  const said = method === 'HEAD' ? id : JSON.parse(answer.body.toString()).requestId
  if (said !== id) return `X-Request-Id ${id}, but the problem says ${said}`
  if ((expect.requestId ?? id) !== id) return `the answer to ${id}`
  const open = valuesIn(headers, 'access-control-allow-origin')
  if (expect.fromBrowser === true && open[0] !== '*') return 'a browser could not read it'
  return judgeChallenge(expect, status, code, valuesIn(headers, 'www-authenticate'))
}

const statusFor = (code: string): number | undefined => STATUS[code as keyof typeof STATUS]

function judgeChallenge(
  { realm }: Refusal,
  status: number,
  code: string,
  challenges: readonly string[],
): string | undefined {
  const isOwed = status === 401 || status === 403
  if (challenges.length !== (isOwed ? 1 : 0)) return `${challenges.length} challenges`
  if (!isOwed) return undefined
  const [challenge = ''] = challenges
  if (!challenge.startsWith(`Bearer realm="${realm}"`)) return `the challenge ${challenge}`
  const error = /error="(\w+)"/.exec(challenge)?.[1]
  const wanted = status === 403 ? 'insufficient_scope' : 'invalid_token'
  return error === (code === 'token_missing' ? undefined : wanted) ? undefined : `error=${error}`
}

function judgeMetadata(
  { host, audience }: Extract<Expectation, { kind: 'metadata' }>,
  { status, body }: Answer,
): string | undefined {
  if (status !== 200) return `status ${status}`
  const said = JSON.parse(body.toString())
  const isRight = said.resource === `http://${host}` && String(said.audiences) === audience
  return isRight ? undefined : body.toString()
}

/** The code of a refusal; what else the answer is, where it is none. */
export function codeOf({ headers, body }: Answer): string {
  const [type = 'an answer without a type'] = valuesIn(headers, 'content-type')
  if (type !== 'application/problem+json') return type
  return String(JSON.parse(body.toString()).code)
}
