import { createHash } from 'node:crypto'
import type { Policy } from '../policy/policy.ts'
import type { KeySetStore } from '../token/store.ts'
import { readStoredKeySet, type StoreCall } from './messages.ts'

/** Resolves with `undefined` where the primary process does not answer. */
type Call = (space: string, call: StoreCall) => Promise<unknown>

/**
 * The key set that the workers of one gateway share through the primary process, so that they ask the
 * issuer as often as one process would. Without an answer each goes on alone, as with a Redis.
 */
export function sharedKeys({ issuer }: Pick<Policy, 'issuer'>, call: Call): KeySetStore {
  const fetchedFrom = JSON.stringify([issuer.url, issuer.jwksUri, issuer.allowHttp])
  const space = createHash('sha256').update(fetchedFrom).digest('hex')
  const ask = (wanted: StoreCall) => call(space, wanted)
  return {
    vouches: 'issuer',
    read: async () => readStoredKeySet(await ask({ do: 'read' })),
    write: async (stored, ms) => {
      await ask({ do: 'write', stored, ms })
    },
    lease: async () => (await ask({ do: 'lease' })) !== false,
    release: async ms => {
      await ask({ do: 'release', ms })
    },
    claimCooldown: async ms => (await ask({ do: 'claimCooldown', ms })) !== false,
    stamp: async () => {
      const stamp = await ask({ do: 'stamp' })
      return typeof stamp === 'string' ? stamp : undefined
    },
    // An operator's word comes through Redis.
    distrusted: async () => undefined,
  }
}
