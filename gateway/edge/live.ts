import { createExchangeMemory } from '../feide/exchanger.ts'
import type { Policy } from '../policy/policy.ts'
import type { Inherited } from '../token/keys.ts'
import { createVerifier } from '../token/verifier.ts'
import type { Service } from './conversation.ts'
import { createExchanges, type Exchanges } from './exchanges.ts'
import { type IssuerKeys, type KeysTools, openKeys } from './keys.ts'

/** The policy in force and its keys, exchanged as one by a reload. */
export interface Live {
  /** The service in force; a request keeps the one that it began with. */
  readonly service: () => Service
  readonly keys: () => IssuerKeys
  /** Milliseconds since the epoch. */
  readonly loadedAt: () => number
  /** Tokens that are remembered as verified. */
  readonly rememberedTokens: () => number
  /** Puts another policy into the place of the one in force, in one step. */
  readonly putInForce: (policy: Policy) => void
  readonly close: () => Promise<void>
}

/** Puts a policy into force. */
export function goLive(first: Policy, tools: KeysTools): Live {
  let keys = openKeys(first, tools)
  const memory = createExchangeMemory()
  const exchangesOf = (policy: Policy) => createExchanges({ ...tools, policy, memory })
  let service = serviceOf(first, keys, exchangesOf(first))
  let loadedAt = Date.now()

  function putInForce(next: Policy): void {
    const { policy } = service
    const before = keys
    if (!sameKeys(policy, next)) keys = openKeys(next, tools, inherited(policy, next, before))
    service.exchanges.close()
    service = serviceOf(next, keys, exchangesOf(next))
    loadedAt = Date.now()
    if (keys !== before) void before.close()
  }

  const close = async () => {
    service.exchanges.close()
    await keys.close()
  }
  return {
    service: () => service,
    keys: () => keys,
    loadedAt: () => loadedAt,
    rememberedTokens: () => service.tokens.remembered(),
    putInForce,
    close,
  }
}

const serviceOf = (policy: Policy, keys: IssuerKeys, exchanges: Exchanges) => ({
  policy,
  tokens: { ...createVerifier(policy, keys), exchangeOpaque: exchanges.jwtFor },
  exchanges,
})

const sameKeys = (a: Policy, b: Policy) =>
  JSON.stringify([a.issuer, a.keys, a.redis]) === JSON.stringify([b.issuer, b.keys, b.redis])

/**
 * What the keys of a new policy begin with. Of the same issuer, an operator's distrust always; the key
 * set where it would be fetched the same way, and did not come from a Redis that is now another.
 */
function inherited(a: Policy, b: Policy, keys: IssuerKeys): Inherited | undefined {
  if (a.issuer.url !== b.issuer.url) return undefined
  const { obtained, distrusted } = keys.inheritance()
  const same = (pick: (policy: Policy) => unknown) =>
    JSON.stringify(pick(a)) === JSON.stringify(pick(b))
  const sameWay = same(({ issuer }) => [issuer.jwksUri, issuer.allowHttp])
  const trusted = obtained?.from === 'issuer' || same(({ redis }) => redis)
  return { obtained: sameWay && trusted ? obtained : undefined, distrusted }
}
