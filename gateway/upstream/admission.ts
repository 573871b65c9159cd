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

/** Who comes to be let in: one of the two is called, once. */
export interface Visitor {
  /** @param done is to be called when the request has left the upstream */
  go(done: () => void): void
  refuse(denial: Denial): void
}

/** Lets so many in at once, and so many wait: one more is told at once, so that no queue grows. */
export interface Admission {
  /**
   * Lets a visitor in now or when its turn comes, or refuses it.
   *
   * @returns where it waits, what is to be called when nobody waits for it any more
   */
  readonly enter: (visitor: Visitor) => (() => void) | undefined
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

  const begin = (visitor: Visitor) => {
    let gone = false
    active++
    visitor.go(() => {
      if (gone) return
      gone = true
      active--
      const [next] = waiting
      if (next && active < maxConnections) next()
    })
  }

  const wait = (visitor: Visitor) => {
    const leave = () => {
      waiting.delete(turn)
      tooLong.stop()
    }
    const turn = () => {
      leave()
      begin(visitor)
    }
    const tooLong = timer(() => {
      leave()
      visitor.refuse(WAITED)
    })
    waiting.add(turn)
    tooLong.start(timeout)
    return leave
  }

  const enter: Admission['enter'] = visitor => {
    if (active >= maxConnections && waiting.size < maxPending) return wait(visitor)
    if (active < maxConnections) begin(visitor)
    else visitor.refuse(FULL)
    return undefined
  }

  return { enter, active: () => active, pending: () => waiting.size }
}
