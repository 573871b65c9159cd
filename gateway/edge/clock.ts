import type { Clock } from '../token/obtain.ts'

/** Longer waits overflow Node's timers, which then fire at once. */
const LONGEST = 2 ** 31 - 1

export const timerLimit = (ms: number): number => Math.min(ms, LONGEST)

export const systemClock: Clock = {
  now: Date.now,
  after: (ms, run) => {
    const timer = setTimeout(run, timerLimit(ms))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
