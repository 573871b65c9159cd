/** Longer waits overflow Node's timers, which then fire at once. */
const LONGEST = 2 ** 31 - 1

export const timerLimit = (ms: number): number => Math.min(ms, LONGEST)

/** Something that happens once, a while after it was last started, unless it is stopped. */
export function timer(run: () => void) {
  let handle: NodeJS.Timeout | undefined
  let lasts = 0
  const fire = () => {
    handle = undefined
    run()
  }
  const stop = () => {
    clearTimeout(handle)
    handle = undefined
  }
  /** @param ms milliseconds */
  const start = (ms: number) => {
    if (handle && ms === lasts) {
      handle.refresh()
      return
    }
    clearTimeout(handle)
    lasts = ms
    handle = setTimeout(fire, timerLimit(ms))
  }
  return { start, stop }
}

/**
 * A timer for what is begun and ended far more often than it takes too long: starting and stopping it
 * is one comparison, and Node is asked for a timer once in a while.
 */
export function deadline(run: () => void) {
  let handle: NodeJS.Timeout | undefined
  /** In milliseconds of `performance.now()`: when to run, and when to look. */
  let at = Number.POSITIVE_INFINITY
  let lookAt = Number.POSITIVE_INFINITY

  const look = () => {
    handle = undefined
    lookAt = Number.POSITIVE_INFINITY
    if (at === Number.POSITIVE_INFINITY) return
    if (at > performance.now()) return lookLater()
    at = Number.POSITIVE_INFINITY
    run()
  }
  const lookLater = () => {
    clearTimeout(handle)
    lookAt = at
    handle = setTimeout(look, timerLimit(Math.ceil(at - performance.now())))
  }
  /** @param ms milliseconds */
  const start = (ms: number) => {
    at = performance.now() + ms
    if (at < lookAt) lookLater()
  }
  const stop = () => {
    at = Number.POSITIVE_INFINITY
  }
  /** Leaves nothing behind, not even a timer that would find nothing to do. */
  const end = () => {
    stop()
    clearTimeout(handle)
  }
  return { start, stop, end }
}
