import type { Upstream } from '../model.ts'
import { timerLimit } from '../timer.ts'
import { openPool } from './pool.ts'
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
export function watchHealth(upstream: Upstream, { identity, origin, checked }: Target): () => void {
  const { health, host, connectTimeout } = upstream
  if (!health) return () => {}
  const every = timerLimit(health.every)
  const limits = { maxConnections: 1, connectTimeout: Math.min(connectTimeout, every) }
  const pool = openPool({ ...upstream, ...limits }, origin, identity, () => {})
  let stopped = false

  const look = async () => {
    try {
      const { statusCode, body } = await pool.request({
        method: 'GET',
        path: origin.basePath + health.path,
        headers: {
          host: typeof host === 'object' ? host.name : origin.host,
          'user-agent': 'feide-gateway health check',
        },
        signal: AbortSignal.timeout(every),
      })
      await body.dump({ limit: MAX_BODY })
      if (!stopped) checked(statusCode < 500, `status ${statusCode}`)
    } catch (error) {
      if (!stopped) checked(false, error instanceof Error ? error.message : String(error))
    }
  }
  const timer = setInterval(() => void look(), every).unref()
  void look()
  return () => {
    stopped = true
    clearInterval(timer)
    void pool.destroy()
  }
}
