import type { Route } from '../../model.ts'
import { covers, type Direction, scopesOf } from './access.ts'
import type { Tally } from './log.ts'
import type { Pair } from './pairs.ts'

/** What a log can say of a request: it holds no scopes, no audience and no path. */
export type Answer = 'yes' | 'no' | 'unknown'

/** What the new policy would do with requests that the old one let in or refused. */
export interface Verdict {
  readonly refused: Answer
  readonly allowed: Answer
}

/** Refused after access was granted, so that the old policy had let it in. */
const GRANTED = new Set([
  'upstream_unavailable',
  'upstream_timeout',
  'api_token_unavailable',
  'claim_unrepresentable',
])

/** A good token, and not what the route asks for. */
const LACKING = new Set(['scope_missing', 'user_required', 'system_required', 'client_not_allowed'])

/**
 * What would have become of a request that an old route took, and perhaps a new one would take.
 *
 * @param tokens how the change of the issuer's settings bears on which tokens are good
 */
export function verdictOn(
  tally: Tally,
  { old, new: next }: Pick<Pair, 'old' | 'new'>,
  tokens: Direction,
): Verdict {
  if (!old) return { refused: 'no', allowed: 'no' }
  const { decision, code = '' } = tally
  const wasIn = decision === 'allow' || GRANTED.has(code)
  if (wasIn) return { refused: not(isLetIn(tally, old, next, tokens)), allowed: 'no' }
  return { refused: 'no', allowed: next ? nowLetIn(tally, old, next, tokens) : 'no' }
}

/** Whether a request that was refused gets in. */
function nowLetIn(tally: Tally, old: Route, next: Route, tokens: Direction): Answer {
  const { code = '' } = tally
  if (LACKING.has(code)) return isLetIn(tally, old, next, tokens)
  if (code === 'token_missing') return next.access.kind === 'public' ? 'yes' : 'no'
  if (code === 'token_opaque') return sameExchange(old, next) ? 'no' : 'unknown'
  if (code === 'token_audience') return keepsAudiences(next, old) ? 'no' : 'unknown'
  const otherTokens = tokens === 'looser' || tokens === 'mixed'
  return code.startsWith('token_') && otherTokens ? 'unknown' : 'no'
}

/** Whether who came with a good token, or with none to a public route, gets in. */
function isLetIn(tally: Tally, old: Route, next: Route | undefined, tokens: Direction): Answer {
  if (!next) return 'no'
  if (tally.principal === undefined) return next.access.kind === 'public' ? 'yes' : 'no'
  const stillGood = tokens === 'same' || tokens === 'looser'
  return every([
    stillGood && keepsAudiences(old, next) && keepsExchange(old, next) ? 'yes' : 'unknown',
    next.enforce ? holdsScopes(tally, old, next) : 'yes',
    !next.enforce || next.principal === 'any' || next.principal === tally.principal ? 'yes' : 'no',
    next.clients?.has(tally.clientId ?? '') === false ? 'no' : 'yes',
  ])
}

/** What the old route's answer tells of the scopes of a token, held against those that the new one asks for. */
function holdsScopes({ code, shadow }: Tally, old: Route, next: Route): Answer {
  const [before, now] = [scopesOf(old), scopesOf(next)]
  if (next.access.kind !== 'scopes') return 'yes'
  if (code === 'scope_missing' || shadow === 'scope_missing') {
    return covers(before, now) ? 'no' : 'unknown'
  }
  // Where it is not enforced, a refusal for the client says nothing about the scopes.
  const held = old.enforce || code !== 'client_not_allowed'
  return held && covers(now, before) ? 'yes' : 'unknown'
}

const keepsAudiences = ({ dataSource: a }: Route, { dataSource: b }: Route): boolean =>
  a.audiences.every(one => b.audiences.includes(one))

const exchangeOf = ({ dataSource: { exchange, audiences } }: Route): string | undefined =>
  exchange && JSON.stringify([exchange.clientId, exchange.scope, audiences[0]])

const sameExchange = (old: Route, next: Route): boolean =>
  exchangeOf(next) === undefined || exchangeOf(old) === exchangeOf(next)

/** Some tokens of the log may have come in exchange for opaque ones. */
const keepsExchange = (old: Route, next: Route): boolean =>
  exchangeOf(old) === undefined || exchangeOf(old) === exchangeOf(next)

function every(answers: readonly Answer[]): Answer {
  if (answers.includes('no')) return 'no'
  return answers.includes('unknown') ? 'unknown' : 'yes'
}

const not = (answer: Answer): Answer =>
  answer === 'unknown' ? 'unknown' : answer === 'yes' ? 'no' : 'yes'
