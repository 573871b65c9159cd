import type { Upstream } from '../model.ts'
import { timerLimit } from '../timer.ts'
import { openConnections } from './pool.ts'
import { readSmall } from './read-small.ts'
import type { Target } from './targets.ts'

/** Bytes of an answer that are read, so that its connection can be used again. */
const MAX_BODY = 64 * 1024

/**
 * Asks an origin whether it lives, now and then, on a connection of its own: requests may have taken
 * all others. It carries neither token nor credentials: any answer that is no server error says that
 * somebody is there, a 401 too.
 *
 * @returns how to stop
 */
export function watchHealth(upstream: Upstream, { origin, checked }: Target): () => void {
  const { health, host, connectTimeout } = upstream
  if (!health) return () => {}
  const every = timerLimit(health.every)
  const connections = openConnections(
    { ...upstream, connectTimeout: Math.min(connectTimeout, every) },
    origin,
  )
  const request = {
    method: 'GET',
    target: origin.basePath + health.path,
    headers: [
      'Host',
      typeof host === 'object' ? host.name : origin.host,
      'User-Agent',
      'feide-gateway health check',
    ],
    timeout: every,
  }
  let stopped = false
  const tell = (healthy: boolean, cause: string) => {
    if (!stopped) checked(healthy, cause)
  }
  const look = async () => {
    try {
      const late = AbortSignal.timeout(every)
      const { status } = await readSmall(connections, request, MAX_BODY, late)
      tell(status < 500, `status ${status}`)
    } catch (error) {
      tell(false, error instanceof Error ? error.message : String(error))
    }
  }
  const looking = setInterval(() => void look(), every).unref()
  void look()
  return () => {
    stopped = true
    clearInterval(looking)
    connections.destroy()
  }
}
