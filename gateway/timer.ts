/** Longer waits overflow Node's timers, which then fire at once. */
const LONGEST = 2 ** 31 - 1

export const timerLimit = (ms: number): number => Math.min(ms, LONGEST)

/** Something that happens once, a while after it was last started, unless it is stopped. */
export function timer(run: () => void) {
  let handle: NodeJS.Timeout | undefined
  const stop = () => clearTimeout(handle)
  /** @param ms milliseconds */
  const start = (ms: number) => {
    stop()
    handle = setTimeout(run, timerLimit(ms))
  }
  return { start, stop }
}
