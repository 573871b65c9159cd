import type { Upstream } from '../model.ts'
import type { Policy } from '../policy/policy.ts'
import type { KeyStatus } from '../token/keys.ts'
import type { FindKey } from '../token/verify.ts'
import type { UpstreamStatus } from '../upstream/upstreams.ts'
import type { Metrics } from './metrics.ts'
import type { Traffic } from './traffic.ts'

/** What a process that serves callers can tell of itself. */
export interface AdminState {
  readonly version: string
  readonly policy: () => Policy
  /** Milliseconds since the epoch. */
  readonly loadedAt: () => number
  readonly keys: () => KeyStatus
  /** Whether Redis answers; `undefined` where there is none. */
  readonly redisUp: () => boolean | undefined
  readonly upstream: (upstream: Upstream) => UpstreamStatus
  /** Why it should get no requests, or `undefined`. */
  readonly notReady: () => string | undefined
  readonly metrics: Metrics
  readonly findKey: FindKey
  /** Tokens that are remembered as verified. */
  readonly rememberedTokens: () => number
  readonly takeTraffic: () => Traffic
}

/** `/status` (contract 7). */
export function statusOf({ version, policy, loadedAt, keys, redisUp, upstream: look }: AdminState) {
  const { hash, dataSources } = policy()
  const { source, age, kids, unusable, distrusted, nextRefresh, lastError } = keys()
  const up = redisUp()
  return {
    version,
    policy: { hash, loadedAt: isoTime(loadedAt()) },
    keys: {
      source: source ?? null,
      age: age === undefined ? null : Math.round(age / 1000),
      kids,
      unusable,
      distrusted,
      nextRefresh: nextRefresh === undefined ? null : isoTime(nextRefresh),
      lastError: lastError ?? null,
    },
    redis: up === undefined ? null : { up },
    upstreams: dataSources.map(({ id, upstream }) => ({
      dataSource: id,
      ...look(upstream),
    })),
  }
}

export type Status = ReturnType<typeof statusOf>

/** The status of a gateway, of one process or of several. */
export interface GatewayStatus {
  readonly version: string
  readonly policy: { readonly hash: string; readonly loadedAt: string }
  /** `null` where nobody could be asked. */
  readonly keys: Status['keys'] | null
  readonly redis: Status['redis']
  readonly upstreams: Status['upstreams']
  readonly workers?: readonly WorkerStatus[]
}

export interface WorkerStatus {
  readonly pid: number
  readonly startedAt: string
  readonly notReady: string | null
}

export const isoTime = (ms: number) => new Date(ms).toISOString()
