import { timerLimit } from '../timer.ts'
import type { Clock } from '../token/obtain.ts'

export const systemClock: Clock = {
  now: Date.now,
  after: (ms, run) => {
    const timer = setTimeout(run, timerLimit(ms))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
