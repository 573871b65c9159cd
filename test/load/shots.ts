import { type Answer, isAnswer, type Silence } from './caller.ts'
import type { Shot } from './load.ts'
import type { Seen } from './origin/words.ts'
import { valuesIn } from './read-messages.ts'

/** A plain request, and the judgement that its answer must stand up to. */
export type Wanted = {
  readonly number: string
  readonly method: string
  readonly path: string
  readonly token: string
  readonly body?: string
  /** How the upstream is to answer; default `plain`. */
  readonly wish?: string
  /** What is wrong with what the upstream saw. */
  readonly judge: (seen: Seen) => string | undefined
}

/** A request with a token whose answer says what the upstream saw. */
export function shotOf(wanted: Wanted): Shot {
  const { number, method, path, token, body = '', wish = 'plain', judge } = wanted
  const target = `${path}?n=${number}&a=${wish}`
  const length = body === '' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
  const head = `${method} ${target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n`
  return {
    number,
    method,
    bytes: `${head}${length}\r\n${body}`,
    judge(answer) {
      if (answer.status !== 200) return `${answer.status} ${codeOf(answer)}`
      const seen = JSON.parse(answer.body.toString()) as Seen
      if (seen.target !== target) return `the answer of ${seen.target}`
      if (seen.bytes !== Buffer.byteLength(body)) return `a body of ${seen.bytes} bytes`
      return judge(seen)
    },
  }
}

/** The code of a refusal. */
export function codeOf(answer: Answer): string {
  const [type] = valuesIn(answer.headers, 'content-type')
  if (type !== 'application/problem+json') return 'no problem document'
  return String(JSON.parse(answer.body.toString()).code)
}

/** The one value of a header that the upstream saw. */
export const sole = (seen: Seen, name: string): string => valuesIn(seen.headers, name).join(' | ')

export const statusOf = (came: Answer | Silence): number | string =>
  isAnswer(came) ? came.status : came.silence
