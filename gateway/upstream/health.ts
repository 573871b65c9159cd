import type { Dispatcher } from 'undici'
import type { Upstream } from '../model.ts'
import { timerLimit } from '../timer.ts'
import type { Target } from './targets.ts'

/**
 * Asks an origin whether it lives, now and then. The request carries neither token nor credentials:
 * any answer that is no server error says that somebody is there, a 401 too.
 *
 * @returns how to stop
 */
export function watchHealth(
  { health, host }: Upstream,
  { pool, identity, origin, checked }: Target,
): () => void {
  if (!health) return () => {}
  const stopped = new AbortController()
  const hostHeader = typeof host === 'object' ? host.name : origin.host
  const every = timerLimit(health.every)

  const question: Dispatcher.RequestOptions & { servername?: string } = {
    method: 'GET',
    path: origin.basePath + health.path,
    headers: { host: hostHeader, 'user-agent': 'feide-gateway health check' },
    headersTimeout: every,
    ...(identity?.servername !== undefined && { servername: identity.servername }),
  }

  const look = async () => {
    try {
      const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(every)])
      const { statusCode, body } = await pool.request({ ...question, signal })
      await body.dump({ limit: MAX_BODY })
      checked(statusCode < 500, `status ${statusCode}`)
    } catch (error) {
      if (stopped.signal.aborted) return
      checked(false, error instanceof Error ? error.message : String(error))
    }
  }
  const timer = setInterval(() => void look(), every).unref()
  void look()
  return () => {
    clearInterval(timer)
    stopped.abort()
  }
}

/** Bytes of an answer that are read, so that its connection can be used again. */
const MAX_BODY = 64 * 1024
