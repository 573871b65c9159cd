import { AUDIENCE } from './issuer.ts'
import type { Answer, RequestParts } from './raw.ts'
import { type Code, type Expected, type Refusal, refusal, refusalOf } from './refusal.ts'
import type { World } from './world.ts'

/** Everything about a refused request that anyone could see. */
export type Outcome = {
  readonly refusal: Refusal
  /** Parts of the token, or claim values, that the answer gives away. */
  readonly leaks: string[]
  /** What the upstream got. */
  readonly received: string
  /** How often the issuer was asked for keys because of it. */
  readonly keyFetches: number
}

/** A refusal after which nobody else knows anything of the request. */
export function refusedWith(code: Code, expected: Expected = {}): Outcome {
  return { refusal: refusal(code, expected), leaks: [], received: '', keyFetches: 0 }
}

/** Sends one request that is to be refused, and watches upstream and issuer meanwhile. */
export async function outcomeOf(world: World, parts: RequestParts): Promise<Outcome> {
  world.upstream.reset()
  const before = world.issuer.fetches
  const answer = await world.ask(parts)
  return {
    refusal: refusalOf(answer),
    leaks: leaksOf(answer, parts.token ?? '', [AUDIENCE, world.issuer.url]),
    received: world.upstream.received,
    keyFetches: world.issuer.fetches - before,
  }
}

/** The status, and how many requests the upstream got. */
export async function passageOf(world: World, parts: RequestParts) {
  world.upstream.reset()
  const answer = await world.ask(parts)
  return { status: answer.status, passed: world.upstream.requests.length }
}

/** A request that went through. */
export const PASSED = { status: 200, passed: 1 }

/** @param known what anyone may know, and a refusal may say */
function leaksOf(answer: Answer, token: string, known: string[]): string[] {
  const parts = token.split('.')
  const secrets = [token, ...parts, ...valuesIn(decode(parts[1] ?? ''))]
  const telling = secrets.filter(
    text => text.length >= 6 && !known.some(common => common.includes(text)),
  )
  return telling.filter(text => answer.raw.includes(text))
}

function valuesIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  // What is asked of a caller may be told to it, and scopes are.
  return Object.entries(value).flatMap(([key, inner]) => (key === 'scope' ? [] : valuesIn(inner)))
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    return undefined
  }
}
