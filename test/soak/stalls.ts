/** Whether this process itself was held up, so that it was a slow caller without meaning to. */

/** Milliseconds between two looks, and of delay that is none yet. */
const INTERVAL = 100
const TOLERATED = 1_000

export type Stalls = {
  /** Whether there was one since a moment of `performance.now()`. */
  since(moment: number): boolean
  stop(): void
}

export function watchStalls(): Stalls {
  let last = performance.now()
  let ended = Number.NEGATIVE_INFINITY
  const look = (): void => {
    const now = performance.now()
    if (now - last > INTERVAL + TOLERATED) ended = now
    last = now
  }
  const timer = setInterval(look, INTERVAL)
  return {
    since(moment) {
      look()
      return ended >= moment
    },
    stop: () => clearInterval(timer),
  }
}
