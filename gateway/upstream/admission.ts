import { type Denial, deny } from '../policy/denial.ts'
import { timer } from '../timer.ts'

export interface AdmissionLimits {
  /** Requests and WebSockets at once. */
  readonly maxConnections: number
  /** Requests that wait for one of those. */
  readonly maxPending: number
  /** Milliseconds that a request waits at most. */
  readonly timeout: number
}

/** Lets so many in at once, and so many wait: one more is told at once, so that no queue grows. */
export interface Admission {
  /**
   * Runs `go` now or when its turn comes, or `refuse`.
   *
   * @returns what is called once when the request has ended, or nobody waits for it any more
   */
  readonly enter: (go: () => void, refuse: (denial: Denial) => void) => () => void
  readonly active: () => number
  readonly pending: () => number
}

const FULL = deny(
  'upstream_unavailable',
  'The API behind the gateway has as many requests as it may have at once',
  { overloaded: true, retryAfter: 1, cause: 'maxConnections and maxPending are reached' },
)

const WAITED = deny('upstream_timeout', 'The API behind the gateway was busy for too long', {
  cause: 'maxConnections was reached for as long as `timeout`',
})

export function createAdmission({
  maxConnections,
  maxPending,
  timeout,
}: AdmissionLimits): Admission {
  const waiting = new Set<() => void>()
  let active = 0

  const begin = (go: () => void) => {
    active++
    go()
  }
  const leaveActive = () => {
    active--
    const [next] = waiting
    if (next && active < maxConnections) next()
  }

  const enter: Admission['enter'] = (go, refuse) => {
    let leave = () => {}
    if (active < maxConnections) {
      leave = leaveActive
      begin(go)
    } else if (waiting.size >= maxPending) {
      refuse(FULL)
    } else {
      leave = wait(go, refuse, () => {
        leave = leaveActive
      })
    }
    return () => {
      const once = leave
      leave = () => {}
      once()
    }
  }

  function wait(go: () => void, refuse: (denial: Denial) => void, onTurn: () => void) {
    const tooLong = timer(() => {
      waiting.delete(turn)
      refuse(WAITED)
    })
    const turn = () => {
      waiting.delete(turn)
      tooLong.stop()
      onTurn()
      begin(go)
    }
    waiting.add(turn)
    tooLong.start(timeout)
    return () => {
      waiting.delete(turn)
      tooLong.stop()
    }
  }

  return { enter, active: () => active, pending: () => waiting.size }
}
