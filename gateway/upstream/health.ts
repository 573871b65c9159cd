import type { Upstream } from '../model.ts'
import { timer, timerLimit } from '../timer.ts'
import { UpstreamFault } from './faults.ts'
import { openConnections } from './pool.ts'
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

  const look = () => {
    let status = 0
    let bytes = 0
    const tell = (healthy: boolean, cause: string) => {
      late.stop()
      if (!stopped) checked(healthy, cause)
    }
    const onAnswer = () => tell(status < 500, `status ${status}`)
    const onError = (error: Error) => {
      // What is longer than that has been cut off by us.
      if (bytes > MAX_BODY) onAnswer()
      else tell(false, error.message)
    }
    const late = timer(() => sending.abort(new UpstreamFault('timeout', 'no answer in time')))
    const sending = connections.send(request, {
      onBegan: () => {},
      onHead: head => {
        status = head.status
      },
      onData: chunk => {
        bytes += chunk.length
        if (bytes > MAX_BODY) sending.abort(new Error('more than anyone reads'))
        return false
      },
      onEnd: onAnswer,
      onUnreachable: onError,
      onError,
    })
    late.start(every)
  }
  const looking = setInterval(look, every).unref()
  look()
  return () => {
    stopped = true
    clearInterval(looking)
    connections.destroy()
  }
}
