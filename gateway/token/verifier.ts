import type { DataSource, ParsedToken, VerifiedToken } from '../model.ts'
import { type Denial, isDenial } from '../policy/denial.ts'
import type { IssuerPolicy, Policy } from '../policy/policy.ts'
import type { Expected } from './claims.ts'
import { digestOf } from './digest.ts'
import type { Keys } from './keys.ts'
import { createTurnstile, type Turnstile } from './turnstile.ts'
import { createTokenMemory } from './verified.ts'
import { verify } from './verify.ts'

/** Signatures checked in one turn of the event loop; fewer while a flood of bad ones keeps others waiting. */
const SIGNATURES_PER_TURN = 16
const IN_A_FLOOD = 1

/** Seconds for which others are thought of: not each turn has one of them. */
const OTHERS_LAST = 0.1

/** Verifies tokens by a policy, each one once: what was verified is remembered while it holds. */
export function createVerifier(
  { issuer, limits }: Pick<Policy, 'issuer' | 'limits'>,
  { find, current }: Pick<Keys, 'find' | 'current'>,
  seconds: () => number = () => Date.now() / 1000,
) {
  const clockTolerance = issuer.clockTolerance / 1000
  const memory = createTokenMemory({ max: limits.tokens, clockTolerance, currentKey: current })
  const { takeTurn, noteOther } = signatureTurns(seconds)
  const pending = new WeakMap<DataSource, Map<string, Promise<VerifiedToken | Denial>>>()

  const recallToken = (bearer: string, dataSource: DataSource): VerifiedToken | undefined => {
    const now = seconds()
    const known = memory.recall(bearer, dataSource, now)
    if (known) noteOther(now)
    return known
  }

  const verifyToken = (
    token: ParsedToken,
    dataSource: DataSource,
  ): VerifiedToken | Denial | Promise<VerifiedToken | Denial> => {
    const digest = digestOf(token.text)
    const underWay = pending.get(dataSource)?.get(digest)
    if (underWay) return underWay
    const outcome = verify({
      token,
      dataSource,
      expected: expectedOf(issuer, dataSource),
      findKey: find,
      now: seconds(),
      takeTurn,
      onVerified: memory.remember,
    })
    return outcome instanceof Promise ? shared(outcome, dataSource, digest) : outcome
  }

  /** Requests that come with the same token meanwhile wait for the same verification. */
  const shared = <T extends VerifiedToken | Denial>(
    outcome: Promise<T>,
    dataSource: DataSource,
    digest: string,
  ): Promise<T> => {
    const own = pending.get(dataSource) ?? new Map()
    pending.set(dataSource, own)
    own.set(digest, outcome)
    const end = () => own.delete(digest)
    outcome.then(end, end)
    return outcome
  }

  return { recallToken, verifyToken, remembered: memory.size }
}

function signatureTurns(seconds: () => number) {
  let wasBad = false
  let otherAt = Number.NEGATIVE_INFINITY
  const turnstile = createTurnstile(() =>
    wasBad && seconds() - otherAt < OTHERS_LAST ? IN_A_FLOOD : SIGNATURES_PER_TURN,
  )
  const takeTurn: Turnstile = work =>
    turnstile(() => {
      const outcome = work()
      wasBad = isDenial(outcome)
      return outcome
    })
  /** A request is served that needs no signature checked. */
  const noteOther = (now: number) => {
    otherAt = now
  }
  return { takeTurn, noteOther }
}

/** What a token is held against at a data source. */
export const expectedOf = (issuer: IssuerPolicy, { audiences }: DataSource): Expected => ({
  issuer: issuer.url,
  audiences,
  algorithms: issuer.algorithms,
  clockTolerance: issuer.clockTolerance / 1000,
  maxLifetime: issuer.maxLifetime / 1000,
})
