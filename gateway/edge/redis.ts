import { Cluster, type ClusterNode, Redis, type RedisOptions } from 'ioredis'
import type { RedisAddress } from '../policy/redis-url.ts'

/** What the gateway asks of Redis; single node, Sentinel and Cluster answer alike. */
export type RedisClient = Redis | Cluster

/** Milliseconds: Redis is a gateway's helper, and one that takes longer is none. */
const COMMAND_TIMEOUT = 250
const CONNECT_TIMEOUT = 2_000
const MAX_RECONNECT = 5_000

/** Reconnects for ever, with a growing and uneven pause. */
const reconnect = (times: number) =>
  Math.min(100 * 2 ** Math.min(times, 10), MAX_RECONNECT) * (0.5 + Math.random() / 2)

const OPTIONS = {
  connectTimeout: CONNECT_TIMEOUT,
  // By default commands wait in a queue for a Redis that is away, and requests with them.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  retryStrategy: reconnect,
} as const satisfies RedisOptions

/**
 * Opens a connection that nothing has to wait for: it comes about, and comes back, by itself.
 *
 * @param commandTimeout milliseconds
 */
export function openRedis(
  address: RedisAddress,
  commandTimeout: number = COMMAND_TIMEOUT,
): RedisClient {
  const { kind, tls, username, password, nodes, group, database } = address
  const login = {
    commandTimeout,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
  }
  if (kind === 'cluster') {
    return new Cluster(nodes as ClusterNode[], {
      enableOfflineQueue: false,
      clusterRetryStrategy: reconnect,
      redisOptions: { ...login, connectTimeout: CONNECT_TIMEOUT },
    })
  }
  if (kind === 'sentinel') {
    return new Redis({
      ...OPTIONS,
      ...login,
      name: group,
      db: database,
      sentinels: [...nodes],
      sentinelRetryStrategy: reconnect,
      failoverDetector: true,
      ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
    })
  }
  const [node] = nodes
  return new Redis({ ...OPTIONS, ...login, ...node, db: database })
}
