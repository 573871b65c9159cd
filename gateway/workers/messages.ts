import type { Refusal } from '../edge/refusals.ts'
import type { Asked } from '../explain/asked.ts'
import type { Address } from '../policy/scalars.ts'
import type { Snapshot } from '../policy/snapshot.ts'
import type { StoredKeySet } from '../token/store.ts'
import {
  isAsked,
  isNumber,
  isRecord,
  isRefusal,
  isSnapshot,
  isStoredKeySet,
  isText,
  oneOf,
  optional,
  type Shape,
  shaped,
} from './shapes.ts'

/** What the primary process and its workers say to each other; JSON over the channel between them. */

/** What the primary asks a worker about. */
export type Question = 'readiness' | 'metrics' | 'status' | 'counts'

export type ToWorker =
  /** Puts a policy into force; the first one is what the worker begins to serve with. */
  | {
      readonly is: 'policy'
      readonly id: number
      readonly snapshot: Snapshot
      /** Where to listen; for the first one. */
      readonly listen: Address
    }
  | { readonly is: 'question'; readonly id: number; readonly about: Question }
  /** Explains a request that nobody sent. */
  | { readonly is: 'explain'; readonly id: number; readonly asked: Asked }
  /** Fetches the keys anew, or takes over what another worker fetches. */
  | { readonly is: 'refresh' }
  | { readonly is: 'stored'; readonly id: number; readonly value: unknown }
  | { readonly is: 'drain' }

export type FromWorker =
  /** It is there, and waits for a policy. */
  | { readonly is: 'begun' }
  | { readonly is: 'listening' }
  /** It cannot serve, and will end. */
  | { readonly is: 'failed'; readonly fault: StartFault }
  /** To a policy, or to a question. */
  | { readonly is: 'answer'; readonly id: number; readonly value: unknown }
  /** The last refusals since it said so before. */
  | { readonly is: 'refused'; readonly refusals: readonly Refusal[] }
  /** A call of the key set store that the workers share; `space` tells one key set from another. */
  | { readonly is: 'store'; readonly id: number; readonly space: string; readonly call: StoreCall }

/** The parts of an error of the system that say why an address cannot be listened on. */
export interface StartFault {
  readonly message: string
  readonly code?: string
  readonly address?: string
  readonly port?: number
}

/** The methods of a `KeySetStore`; times in milliseconds. */
export type StoreCall =
  | { readonly do: 'read' | 'lease' | 'stamp' }
  | { readonly do: 'release' | 'claimCooldown'; readonly ms: number }
  | { readonly do: 'write'; readonly stored: StoredKeySet; readonly ms: number }

type Kinds<T extends { readonly is: string }> = { readonly [Kind in T['is']]: Shape }

const STORE_CALLS = [
  shaped({ do: oneOf('read', 'lease', 'stamp') }),
  shaped({ do: oneOf('release', 'claimCooldown'), ms: isNumber }),
  shaped({ do: oneOf('write'), ms: isNumber, stored: isStoredKeySet }),
]

const TO_WORKER: Kinds<ToWorker> = {
  policy: {
    id: isNumber,
    snapshot: isSnapshot,
    listen: shaped({ host: isText, port: isNumber }),
  },
  question: { id: isNumber, about: oneOf('readiness', 'metrics', 'status', 'counts') },
  explain: { id: isNumber, asked: isAsked },
  refresh: {},
  stored: { id: isNumber },
  drain: {},
}

const FROM_WORKER: Kinds<FromWorker> = {
  begun: {},
  listening: {},
  failed: {
    fault: shaped({
      message: isText,
      code: optional(isText),
      address: optional(isText),
      port: optional(isNumber),
    }),
  },
  answer: { id: isNumber },
  refused: { refusals: value => Array.isArray(value) && value.every(isRefusal) },
  store: { id: isNumber, space: isText, call: value => STORE_CALLS.some(holds => holds(value)) },
}

/** `undefined` for what no program of this version sends: the files may be of a newer one by now. */
const parser =
  <T extends { readonly is: string }>(kinds: Kinds<T>) =>
  (message: unknown): T | undefined => {
    if (!isRecord(message) || typeof message.is !== 'string') return undefined
    if (!Object.hasOwn(kinds, message.is)) return undefined
    return shaped(kinds[message.is as T['is']])(message) ? (message as T) : undefined
  }

export const parseToWorker = parser(TO_WORKER)
export const parseFromWorker = parser(FROM_WORKER)

export const readStoredKeySet = (value: unknown): StoredKeySet | undefined =>
  isStoredKeySet(value) ? (value as StoredKeySet) : undefined
